//! The format of `~/.algorithmia/config`, the file in which the official `algo` program keeps its profiles.
//!
//! The file is TOML, but `algo` writes only tables named `[profiles.NAME]`, with one string per line. This module reads
//! that and rejects anything else in the requested profile. Other tables are skipped line by line, which is safe only
//! without multi-line strings, so those are rejected everywhere.

use std::str::Chars;

/// The values of one profile. An empty string in the file counts as unset. There is no `Debug`: it could show a key.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) api_server: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) bearer_token: Option<String>,
    pub(super) ca_cert: Option<String>,
}

/// Why a profile cannot be read. The reason is static, so it never shows anything from the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProfileError {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

const MULTI_LINE: &str = "multi-line strings are not supported";
const BAD_HEADER: &str = "a profile must begin with a line such as [profiles.default]";
const BAD_SETTING: &str = "a profile must consist of lines such as api_key = \"KEY\"";
const REPEATED_PROFILE: &str = "the profile appears twice";
const REPEATED_KEY: &str = "the key appears twice";
const UNTERMINATED: &str = "the string has no closing quote on its line";
const BAD_ESCAPE: &str =
    "the string has an invalid escape sequence; single quotes keep backslashes";

/// Reads the profile called `name`. Returns `None` if the file has no such profile.
pub(super) fn parse(text: &str, name: &str) -> Result<Option<Profile>, ProfileError> {
    let mut profile = None;
    let mut in_profile = false;
    let mut keys = Vec::new();
    for (index, line) in lines(text).enumerate() {
        let error = |reason| ProfileError {
            line: index + 1,
            reason,
        };
        if is_blank(line) {
            continue;
        }
        if line.contains("\"\"\"") || line.contains("'''") {
            return Err(error(MULTI_LINE));
        }
        if line.starts_with('[') {
            in_profile = opens_profile(line, name).map_err(error)?;
            if in_profile && profile.replace(Profile::default()).is_some() {
                return Err(error(REPEATED_PROFILE));
            }
        } else if let Some(profile) = profile.as_mut().filter(|_| in_profile) {
            let (key, value) = setting(line).map_err(error)?;
            if keys.contains(&key) {
                return Err(error(REPEATED_KEY));
            }
            keys.push(key);
            let value = Some(value).filter(|value| !value.is_empty());
            match key {
                "api_server" => profile.api_server = value,
                "api_key" => profile.api_key = value,
                "bearer_token" => profile.bearer_token = value,
                "ca_cert" => profile.ca_cert = value,
                _ => {}
            }
        } else if line.starts_with("profiles") {
            // TOML has other ways to write a profile: `profiles.NAME.key = …`, `profiles = {…}`.
            return Err(error(BAD_HEADER));
        }
    }
    Ok(profile)
}

/// Returns the names of all profiles, except those that need quotes: they could contain anything.
pub(super) fn names(text: &str) -> Vec<&str> {
    let headers = lines(text).filter_map(|line| line.strip_prefix("[profiles."));
    let names = headers.filter_map(bare_key);
    names
        .filter(|(_, rest)| rest.starts_with(']'))
        .map(|(name, _)| name)
        .collect()
}

/// Returns the lines, without a byte order mark and without the space around each line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim)
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// Returns whether a table header is the one of the profile called `name`.
fn opens_profile(header: &str, name: &str) -> Result<bool, &'static str> {
    let Some(rest) = header.strip_prefix("[profiles.") else {
        // TOML has other ways to write a profile's header: `[ "profiles".NAME ]`, `[[profiles.NAME]]`.
        let first = header.trim_start_matches(['[', ' ', '"', '\'']);
        return match first.starts_with("profiles") && !header.starts_with("[profiles]") {
            true => Err(BAD_HEADER),
            false => Ok(false),
        };
    };
    let (found, rest) = match bare_key(rest) {
        Some((found, rest)) => (found.to_owned(), rest),
        None => string(rest).map_err(|_| BAD_HEADER)?,
    };
    match rest.strip_prefix(']').is_some_and(is_blank) {
        _ if found != name => Ok(false),
        true => Ok(true),
        false => Err(BAD_HEADER),
    }
}

/// Reads `key = "value"`.
fn setting(line: &str) -> Result<(&str, String), &'static str> {
    let (key, rest) = bare_key(line).ok_or(BAD_SETTING)?;
    let rest = rest.trim_start().strip_prefix('=').ok_or(BAD_SETTING)?;
    match string(rest.trim_start())? {
        (value, rest) if is_blank(rest) => Ok((key, value)),
        _ => Err(BAD_SETTING),
    }
}

/// Splits off a key without quotes.
fn bare_key(line: &str) -> Option<(&str, &str)> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = line.find(|c| !is_bare(c)).unwrap_or(line.len());
    (end > 0).then(|| line.split_at(end))
}

/// Splits off a string in single or double quotes.
fn string(line: &str) -> Result<(String, &str), &'static str> {
    if let Some(line) = line.strip_prefix('\'') {
        let (literal, rest) = line.split_once('\'').ok_or(UNTERMINATED)?;
        return Ok((literal.to_owned(), rest));
    }
    let mut chars = line.strip_prefix('"').ok_or(BAD_SETTING)?.chars();
    let mut string = String::new();
    loop {
        match chars.next().ok_or(UNTERMINATED)? {
            '"' => return Ok((string, chars.as_str())),
            '\\' => string.push(escape(&mut chars).ok_or(BAD_ESCAPE)?),
            c => string.push(c),
        }
    }
}

fn escape(chars: &mut Chars<'_>) -> Option<char> {
    let digits = match chars.next()? {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'u' => 4,
        'U' => 8,
        c @ ('"' | '\\') => return Some(c),
        _ => return None,
    };
    let code = (0..digits).try_fold(0, |code, _| Some(code << 4 | chars.next()?.to_digit(16)?));
    char::from_u32(code?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, line: usize, reason: &'static str) {
        let error = parse(text, "default").err().expect(text);
        assert_eq!(error, ProfileError { line, reason }, "{text:?}");
    }

    #[test]
    fn the_official_programs_file() {
        let text = "[profiles.a]\napi_key = \"\"\nbearer_token = \"eyJ\"\n\n[profiles.b]\n";
        let a = Profile {
            bearer_token: Some("eyJ".to_owned()),
            ..Profile::default()
        };
        assert!(parse(text, "a") == Ok(Some(a)));
        assert!(parse(text, "b") == Ok(Some(Profile::default())));
        assert!(parse(text, "default") == Ok(None));
        assert_eq!(names(text), ["a", "b"]);
        assert!(names("[x]\n[profiles]\n[profiles.\"a\"]\n[profiles.b.c]").is_empty());
    }

    #[test]
    fn other_ways_to_write_a_profile() {
        for text in [
            "\u{feff}[profiles.default]\r\napi_key = 'k'\r\n",
            "# '''\n\n\t[profiles.default] # c\n\tapi_key=\"k\"# c",
            "[profiles]\n[profiles.\"d\\u0065fault\"]\napi_key = 'k'\nx = ''\n[[y]]\nz",
            // Other tables can contain anything that does not look like the profile.
            "a = [\n[1],\n'[profiles.default]'\n]\n!\n[profiles.default]\napi_key = 'k'",
        ] {
            let profile = parse(text, "default").ok().flatten().expect(text);
            assert_eq!(profile.api_key.as_deref(), Some("k"), "{text:?}");
        }
    }

    #[test]
    fn strings() {
        let reads = |text, value: &str| assert_eq!(string(text), Ok((value.to_owned(), " #")));
        reads(r#""a b#c'[]" #"#, "a b#c'[]");
        reads(r"'a\n b#c\' #", r"a\n b#c\");
        reads(r#""\t\n\r\"\\\u00e9\U0001F600é" #"#, "\t\n\r\"\\é😀é");
        for text in ["'a", "\"a", r#""a\""#] {
            assert_eq!(string(text), Err(UNTERMINATED), "{text}");
        }
        for text in [r#""\e""#, r#""\u12g4""#, r#""\ud800""#, r#""\Uffffffff""#] {
            assert_eq!(string(text), Err(BAD_ESCAPE), "{text}");
        }
    }

    #[test]
    fn anything_else_in_the_profile_is_an_error() {
        for setting in "x;x = ;x = SECRET;x = ['a'];x = 'a' 'b';x.y = 'a';'x' = 'a'".split(';') {
            fails(&format!("[profiles.default]\n{setting}"), 2, BAD_SETTING);
        }
        for header in ".default;.default]];.default.x];.default] x;.]".split(';') {
            fails(&format!("[profiles{header}"), 1, BAD_HEADER);
        }
        fails("[[profiles.default]]", 1, BAD_HEADER);
        fails("[ \"profiles\".default]", 1, BAD_HEADER);
        fails("profiles.default.api_key = 'k'", 1, BAD_HEADER);
        let profile = "[profiles.default]\nx = 'a'\n";
        fails(&format!("{profile}{profile}"), 3, REPEATED_PROFILE);
        fails(&format!("{profile}x = 'a'"), 3, REPEATED_KEY);
        fails(&format!("{profile}y = '''a'''"), 3, MULTI_LINE);
        fails(&format!("\nx = \"\"\"\n{profile}\"\"\""), 2, MULTI_LINE);
    }
}
