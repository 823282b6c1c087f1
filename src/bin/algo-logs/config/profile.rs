//! The format of `~/.algorithmia/config`, the file in which the official `algo` program keeps its profiles.
//!
//! The file is TOML, but `algo` writes only tables named `[profiles.NAME]`, with one string per line. This module reads
//! that and rejects anything else in the requested profile. Other tables are skipped line by line, which is safe only
//! without multi-line strings, so those are rejected everywhere.

use std::fmt;

/// The values of one profile. An empty string in the file counts as unset.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) api_server: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) bearer_token: Option<String>,
    pub(crate) ca_cert: Option<String>,
}

impl Profile {
    fn set(&mut self, key: &str, value: String) {
        let field = match key {
            "api_server" => &mut self.api_server,
            "api_key" => &mut self.api_key,
            "bearer_token" => &mut self.bearer_token,
            "ca_cert" => &mut self.ca_cert,
            _ => return,
        };
        *field = Some(value).filter(|value| !value.is_empty());
    }
}

impl fmt::Debug for Profile {
    /// Shows no values, since some of them are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// Why a profile cannot be read. The reason is static, so it never shows anything from the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProfileError {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) reason: &'static str,
}

const ALL_PROFILES: &str = "[profiles]";

const MULTI_LINE: &str = "multi-line strings are not supported";
const BAD_HEADER: &str = "a profile must begin with a line such as [profiles.default]";
const BAD_SETTING: &str = "a profile must consist of lines such as api_key = \"KEY\"";
const REPEATED_PROFILE: &str = "the profile appears twice";
const REPEATED_KEY: &str = "the key appears twice";
const UNTERMINATED: &str = "the string has no closing quote on its line";
const BAD_ESCAPE: &str =
    "the string has an invalid escape sequence; single quotes keep backslashes";

/// Reads the profile called `name`. Returns `None` if the file has no such profile.
pub(crate) fn parse(text: &str, name: &str) -> Result<Option<Profile>, ProfileError> {
    let mut header = "";
    let mut in_profile = false;
    let mut profile = None;
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
            header = line;
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
            profile.set(key, value);
        } else if header.starts_with(ALL_PROFILES)
            || header.is_empty() && line.starts_with("profiles")
        {
            // TOML can spell a profile as `profiles.NAME.key = …` or `profiles = {…}`, too.
            return Err(error(BAD_HEADER));
        }
    }
    Ok(profile)
}

/// Returns the names of all profiles, except those that need quotes: they could contain anything.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = lines(text)
        .filter_map(profile_header)
        .filter(|(name, complete)| *complete && bare_key(name) == Some((name, "")))
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names.dedup();
    names
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

/// Returns whether a table header belongs to the profile called `name`.
fn opens_profile(header: &str, name: &str) -> Result<bool, &'static str> {
    if let Some((other, complete)) = profile_header(header) {
        // A table inside the profile is an error.
        return match other == name {
            true if !complete => Err(BAD_HEADER),
            same => Ok(same),
        };
    }
    // So is another way to spell a profile's header, such as `[ "profiles".default ]` or `[[profiles]]`.
    let first = bare_key(header.trim_start_matches(['[', ' ', '\t', '"', '\'']));
    match first {
        Some(("profiles", _)) if !header.starts_with(ALL_PROFILES) => Err(BAD_HEADER),
        _ => Ok(false),
    }
}

/// Reads `[profiles.NAME]`. Returns the name, and whether the header ends after it.
fn profile_header(line: &str) -> Option<(String, bool)> {
    let line = line.strip_prefix("[profiles.")?;
    let (name, rest) = match bare_key(line) {
        Some((name, rest)) => (name.to_owned(), rest),
        None => string(line).ok()?,
    };
    Some((name, rest.strip_prefix(']').is_some_and(is_blank)))
}

/// Reads `key = "value"`.
fn setting(line: &str) -> Result<(&str, String), &'static str> {
    let (key, rest) = bare_key(line).ok_or(BAD_SETTING)?;
    let rest = rest.trim_start().strip_prefix('=').ok_or(BAD_SETTING)?;
    let (value, rest) = string(rest.trim_start())?;
    match is_blank(rest) {
        true => Ok((key, value)),
        false => Err(BAD_SETTING),
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
        string.push(match chars.next().ok_or(UNTERMINATED)? {
            '"' => return Ok((string, chars.as_str())),
            '\\' => match chars.next().ok_or(UNTERMINATED)? {
                c @ ('"' | '\\') => c,
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => code_point(&mut chars, 4).ok_or(BAD_ESCAPE)?,
                'U' => code_point(&mut chars, 8).ok_or(BAD_ESCAPE)?,
                _ => return Err(BAD_ESCAPE),
            },
            c => c,
        });
    }
}

fn code_point(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let code = (0..digits).try_fold(0, |code, _| Some(code << 4 | chars.next()?.to_digit(16)?));
    char::from_u32(code?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, api_key: &str) {
        let profile = parse(text, "default").unwrap().expect(text);
        assert_eq!(profile.api_key.as_deref(), Some(api_key), "{text:?}");
    }

    #[track_caller]
    fn fails(text: &str, line: usize, reason: &'static str) {
        let error = parse(text, "default").expect_err(text);
        assert_eq!(error, ProfileError { line, reason }, "{text:?}");
    }

    #[test]
    fn the_official_programs_file() {
        let text = "[profiles.default]\napi_key = \"sim1\"\napi_server = \"https://api.acme.example\"\n\
                    ca_cert = \"\"\n\n[profiles.staging]\napi_key = ''\nbearer_token = 'eyJ'\n\
                    ca_cert = '/etc/ca.pem'\n";
        let some = |text: &str| Some(text.to_owned());
        let default = Profile {
            api_key: some("sim1"),
            api_server: some("https://api.acme.example"),
            ..Profile::default()
        };
        let staging = Profile {
            bearer_token: some("eyJ"),
            ca_cert: some("/etc/ca.pem"),
            ..Profile::default()
        };
        assert!(parse(text, "default") == Ok(Some(default)));
        assert!(parse(text, "staging") == Ok(Some(staging)));
        assert_eq!(parse(text, "other"), Ok(None));
        let others = "[profiles]\n[[profiles.c]]\n[profiles.d.e]\n[profiles.\"\\u001b\"]\n[profiles.'']\n[x.d]\n!";
        assert_eq!(names(&(text.to_owned() + others)), ["default", "staging"]);
    }

    #[test]
    fn ways_to_write_a_profile() {
        for text in [
            "\u{feff}[profiles.default]\r\napi_key = \"k\"\r\n",
            "# '''\n\n \t[profiles.default] # c\n\tapi_key=\"k\"# c",
            "[profiles]\n[profiles.\"d\\u0065fault\"]\napi_key = 'k'\nextra = 'x'",
            "[profiles.default]\napi_key = 'k'\n[[other]]\napi_key = 1",
            // Other tables can contain anything that does not look like the profile.
            "a = [\n[1],\n'[profiles.default]'\n]\n[profiles.b]\nc = {d = 1}\n!\n[profiles.default]\napi_key = 'k'",
        ] {
            reads(text, "k");
        }
    }

    #[test]
    fn strings() {
        for (string, value) in [
            (r#""a b#c'[]""#, "a b#c'[]"),
            (r"'a\n b#c\'", r"a\n b#c\"),
            (r#""\t\n\r\"\\""#, "\t\n\r\"\\"),
            (r#""\u00e9\U0001F600é""#, "é😀é"),
        ] {
            reads(
                &format!("[profiles.default]\napi_key = {string} # c"),
                value,
            );
        }
        for (string, reason) in [
            (r#""a"#, UNTERMINATED),
            (r#""a\"#, UNTERMINATED),
            ("'a\n'", UNTERMINATED),
            (r#""\e""#, BAD_ESCAPE),
            (r#""\u12g4""#, BAD_ESCAPE),
            (r#""\ud800""#, BAD_ESCAPE),
            (r#""\Uffffffff""#, BAD_ESCAPE),
            ("'a' 'b'", BAD_SETTING),
            ("SECRET", BAD_SETTING),
            ("", BAD_SETTING),
            ("7", BAD_SETTING),
            ("['a']", BAD_SETTING),
            ("{ a = 'b' }", BAD_SETTING),
            ("'''a'''", MULTI_LINE),
        ] {
            fails(
                &format!("[profiles.default]\napi_key = {string}"),
                2,
                reason,
            );
        }
    }

    #[test]
    fn anything_else_in_the_profile_is_an_error() {
        for (text, line, reason) in [
            (
                "[other]\nx = \"\"\"\n[profiles.default]\n\"\"\"",
                2,
                MULTI_LINE,
            ),
            ("[profiles.default]\nx = 1", 2, BAD_SETTING),
            ("[profiles.default]\napi_key.x = 'k'", 2, BAD_SETTING),
            ("[profiles.default]\napi_key: 'k'", 2, BAD_SETTING),
            ("[profiles.default]\napi_key", 2, BAD_SETTING),
            ("[profiles.default]\nx = 'k'\nx = 'k'", 3, REPEATED_KEY),
            (
                "[profiles.default]\n[profiles.default]",
                2,
                REPEATED_PROFILE,
            ),
            ("[profiles.default]\n[profiles.default.more]", 2, BAD_HEADER),
            ("[[profiles.default]]", 1, BAD_HEADER),
            ("[[profiles]]", 1, BAD_HEADER),
            ("profiles = {default = {api_key = 'k'}}", 1, BAD_HEADER),
            ("profiles.default.api_key = 'k'", 1, BAD_HEADER),
            ("\n[profiles]\ndefault = {api_key = 'k'}", 3, BAD_HEADER),
            ("[profiles.default", 1, BAD_HEADER),
            ("[\"profiles\".default]", 1, BAD_HEADER),
            ("[profiles.]", 1, BAD_HEADER),
        ] {
            fails(text, line, reason);
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let profile = parse("[profiles.default]\napi_key = 'SECRET'", "default").unwrap();
        assert_eq!(format!("{profile:?}"), "Some(Profile { .. })");
    }
}
