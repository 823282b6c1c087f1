//! The format of `~/.algorithmia/config`, the file in which the official `algo` program keeps its profiles.
//!
//! The file is TOML, but `algo` writes only tables named `[profiles.NAME]`, with one string per line. This module reads
//! those and skips every other line.

/// The values of one profile. An empty string in the file counts as unset. There is no `Debug`: it could show a key.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) api_server: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) bearer_token: Option<String>,
    pub(super) ca_cert: Option<String>,
}

/// Reads the profile called `name`. Returns `None` if the file has no such profile. An error is the number of a line
/// that sets one of the values to something other than a string.
pub(super) fn parse(text: &str, name: &str) -> Result<Option<Profile>, usize> {
    let mut profile = None;
    let mut in_profile = false;
    for (index, line) in lines(text).enumerate() {
        if line.starts_with('[') {
            in_profile = header(line) == Some(name);
            if in_profile {
                profile.get_or_insert_with(Profile::default);
            }
        }
        let (Some(profile), Some((key, value))) = (&mut profile, line.split_once('=')) else {
            continue;
        };
        let member = match key.trim_end() {
            "api_server" if in_profile => &mut profile.api_server,
            "api_key" if in_profile => &mut profile.api_key,
            "bearer_token" if in_profile => &mut profile.bearer_token,
            "ca_cert" if in_profile => &mut profile.ca_cert,
            _ => continue,
        };
        let value = string(value.trim_start()).ok_or(index + 1)?;
        *member = Some(value).filter(|value| !value.is_empty());
    }
    Ok(profile)
}

/// Returns the names of all profiles.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    lines(text).filter_map(header)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim)
}

/// Returns NAME of `[profiles.NAME]`.
fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("[profiles.")?.split_once(']')?;
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (is_blank(rest) && name.chars().all(is_bare)).then_some(name)
}

/// Reads a string in single quotes, or in double quotes, where the only escape sequence is `\\`, as in a Windows path.
fn string(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (string, rest) = text[1..].split_once(quote)?;
    if !is_blank(rest) {
        return None;
    }
    if quote == '\'' {
        return Some(string.to_owned());
    }
    let has_other_escapes = string.replace(r"\\", "").contains('\\');
    (!has_other_escapes).then(|| string.replace(r"\\", r"\"))
}

fn is_blank(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_is_read() {
        let text = "verify = true\n[other]\napi_key = 1\n\
             [profiles.a] # c\r\n\tapi_key=\"k\"# c\r\nn = 3\nverify = true\nl = [\n1]\nca_cert = \"C:\\\\a\"\n\
             [profiles.b]\napi_key = \"\"\nbearer_token = 'eyJ'\napi_server = '''a'''[0]\n\
             [profiles.\"c d\"]\n[profiles.e]\n[[profiles.f]]";
        let a = Profile {
            api_key: Some("k".to_owned()),
            ca_cert: Some(r"C:\a".to_owned()),
            ..Profile::default()
        };
        assert!(parse(text, "a") == Ok(Some(a)));
        assert!(parse(text, "b") == Err(14));
        assert!(parse(text, "e") == Ok(Some(Profile::default())));
        assert!(parse(text, "default") == Ok(None));
        assert!(names(text).eq(["a", "b", "e"]));
    }

    #[test]
    fn strings() {
        for (text, value) in [
            ("\"a b#c'[]\"#", Some("a b#c'[]")),
            (r"'a\n b#c\' #", Some(r"a\n b#c\")),
            (r#""C:\\ü\\x""#, Some(r"C:\ü\x")),
            (r#""a\"b""#, None),
            (r#""\u00e9""#, None),
            ("'a", None),
            ("'a' 'b'", None),
            ("", None),
        ] {
            assert_eq!(string(text).as_deref(), value, "{text}");
        }
    }
}
