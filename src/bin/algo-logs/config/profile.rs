//! The profiles of the official `algo` program, from the text of its `~/.algorithmia/config`.
//!
//! The file is TOML, and four strings of one table are all that is wanted of it, so this reads a
//! small part of TOML, strictly. Everything else in the file is stepped over as TOML would read it:
//! a line that looks like a table's header may stand inside a string or an array of another table.
//! What cannot be stepped over with certainty, or would have to be understood to know the profile,
//! is an error with its line number. Neither errors nor `Debug` show a value.
//!
//! The grammar is that of <https://toml.io/en/v1.0.0>.

use std::fmt;

/// What one profile says; an empty string counts as unset.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) api_key: Option<String>,
    pub(crate) api_server: Option<String>,
    pub(crate) ca_cert: Option<String>,
    pub(crate) bearer_token: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// Why a file of profiles cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProfileError {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// Reads the profile of that name; `None` if there is no such profile.
pub(crate) fn parse(text: &str, name: &str) -> Result<Option<Profile>, ProfileError> {
    let mut reader = Reader::new(text, name);
    match reader.document() {
        Ok(()) => Ok(reader.profile),
        Err(reason) => Err(ProfileError {
            line: reader.line,
            reason,
        }),
    }
}

/// The names of the profiles, as far as the file can be read, for saying which there are. Names
/// that would need quotes are left out: they could hold anything.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut reader = Reader::new(text, "");
    let _ = reader.document();
    let mut names = reader.names;
    names.retain(|name| is_plain(name));
    names.sort();
    names.dedup();
    names
}

const ONE_LINE_STRING: &str = "only strings on one line are understood in a profile";

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    name: &'a str,
    /// The path of the table that the next keys belong to.
    table: Vec<String>,
    profile: Option<Profile>,
    /// Whether `[profiles.NAME]` itself has been seen, and not just a table below it.
    opened: bool,
    /// The keys of the profile so far.
    keys: Vec<String>,
    names: Vec<String>,
}

/// What was stepped over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// On one line, and without brackets.
    Simple,
    Other,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, name: &'a str) -> Reader<'a> {
        Reader {
            // Some editors on Windows begin a file with a byte order mark.
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
            name,
            table: Vec::new(),
            profile: None,
            opened: false,
            keys: Vec::new(),
            names: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<(), String> {
        loop {
            self.blanks();
            match self.peek() {
                None => return Ok(()),
                Some('[') => self.header()?,
                Some('#' | '\n' | '\r') => {}
                Some(_) => self.assignment()?,
            }
            self.end_of_line()?;
        }
    }

    fn header(&mut self) -> Result<(), String> {
        let array = self.eat("[[");
        if !array {
            self.bump();
        }
        self.table = self.path()?;
        if !self.eat(if array { "]]" } else { "]" }) {
            return Err("the table's name does not end with ']'".to_owned());
        }
        match self.table.as_slice() {
            [profiles] if profiles == "profiles" && array => {
                Err("'profiles' is an array of tables".to_owned())
            }
            [profiles, name, below @ ..] if profiles == "profiles" => {
                let name = name.clone();
                let below = below.first().cloned();
                self.names.push(name.clone());
                if name == self.name {
                    self.open(below.as_deref(), array)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The header was that of the profile, or of a table below it.
    fn open(&mut self, below: Option<&str>, array: bool) -> Result<(), String> {
        self.profile.get_or_insert_default();
        match below {
            Some(key) if Profile::default().member(key).is_some() => {
                Err(format!("'{key}' is a table, not a string"))
            }
            Some(_) => Ok(()),
            None if array => Err("the profile is an array of tables".to_owned()),
            None if self.opened => Err("the profile is there twice".to_owned()),
            None => {
                self.opened = true;
                Ok(())
            }
        }
    }

    fn assignment(&mut self) -> Result<(), String> {
        let key = self.path()?;
        if !self.eat("=") {
            return Err("'=' is missing after the key".to_owned());
        }
        self.blanks();
        if self.table == ["profiles", self.name] {
            return self.member(&key);
        }
        let path: Vec<&str> = self.table.iter().chain(&key).map(String::as_str).collect();
        let above = self.table.len() < 2;
        if above && (path == ["profiles"] || path.starts_with(&["profiles", self.name])) {
            return Err(format!(
                "a profile is understood only as a table of its own, [profiles.{}]",
                if is_plain(self.name) {
                    self.name
                } else {
                    "NAME"
                }
            ));
        }
        self.skip_value().map(|_| ())
    }

    /// Reads a value of the profile.
    fn member(&mut self, key: &[String]) -> Result<(), String> {
        let [key] = key else {
            return Err("keys with dots are not understood in a profile".to_owned());
        };
        let known = Profile::default().member(key).is_some();
        if self.keys.contains(key) {
            return Err(if known {
                format!("'{key}' is there twice")
            } else {
                "a key is there twice".to_owned()
            });
        }
        self.keys.push(key.clone());
        if !known {
            return match self.skip_value()? {
                Skipped::Simple => Ok(()),
                Skipped::Other => Err(ONE_LINE_STRING.to_owned()),
            };
        }
        let value = match self.peek() {
            _ if self.rest.starts_with("\"\"\"") || self.rest.starts_with("'''") => {
                return Err(ONE_LINE_STRING.to_owned());
            }
            Some('"') => self.basic_string()?,
            Some('\'') => self.literal_string()?,
            _ => return Err(format!("'{key}' is not a string; strings stand in quotes")),
        };
        let member = self.profile.get_or_insert_default().member(key);
        if let Some(member) = member.filter(|_| !value.is_empty()) {
            *member = Some(value);
        }
        Ok(())
    }

    /// A key, or several with dots between them, and the blanks around it.
    fn path(&mut self) -> Result<Vec<String>, String> {
        let mut path = Vec::new();
        loop {
            self.blanks();
            path.push(match self.peek() {
                Some('"') => self.basic_string()?,
                Some('\'') => self.literal_string()?,
                _ => self.bare_key()?,
            });
            self.blanks();
            if !self.eat(".") {
                return Ok(path);
            }
        }
    }

    fn bare_key(&mut self) -> Result<String, String> {
        let key = self.take_while(is_bare);
        if key.is_empty() {
            return Err("a key is missing, or has a character that needs quotes".to_owned());
        }
        Ok(key.to_owned())
    }

    fn basic_string(&mut self) -> Result<String, String> {
        self.bump();
        let mut string = String::new();
        loop {
            match self.bump_in_line()? {
                '"' => return Ok(string),
                '\\' => string.push(self.escape()?),
                c => string.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        Ok(match self.bump_in_line()? {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '"' => '"',
            '\\' => '\\',
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            _ => {
                return Err(
                    "an unknown escape in a string; '…' quotes leave a backslash alone".to_owned(),
                );
            }
        })
    }

    fn code_point(&mut self, digits: usize) -> Result<char, String> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            let digit = digit.ok_or("an escape in a string needs more hex digits")?;
            // Eight hex digits are just 32 bits.
            code = code << 4 | digit;
            self.bump();
        }
        char::from_u32(code).ok_or_else(|| "an escape in a string is no character".to_owned())
    }

    fn literal_string(&mut self) -> Result<String, String> {
        self.bump();
        let mut string = String::new();
        loop {
            match self.bump_in_line()? {
                '\'' => return Ok(string),
                c => string.push(c),
            }
        }
    }

    /// The next character of a string that must end on its line.
    fn bump_in_line(&mut self) -> Result<char, String> {
        match self.peek() {
            None | Some('\n' | '\r') => Err("a string does not end on its line".to_owned()),
            Some(c) if is_control(c) => Err("a control character in a string".to_owned()),
            Some(c) => {
                self.bump();
                Ok(c)
            }
        }
    }

    /// Steps over a value. Brackets are counted and not recursed into, however deep they are.
    fn skip_value(&mut self) -> Result<Skipped, String> {
        let start = self.line;
        let mut open = Vec::new();
        let mut skipped = Skipped::Simple;
        loop {
            match self.peek() {
                Some('"' | '\'') => {
                    if self.skip_string()? == Skipped::Other {
                        skipped = Skipped::Other;
                    }
                }
                Some(bracket @ ('[' | '{')) => {
                    self.bump();
                    open.push(if bracket == '[' { ']' } else { '}' });
                    skipped = Skipped::Other;
                }
                Some(bracket @ (']' | '}')) if open.last() == Some(&bracket) => {
                    self.bump();
                    open.pop();
                }
                // An inline table has to end on its line; an array need not.
                Some('#' | '\n' | '\r') if open.last() == Some(&']') => self.end_of_line()?,
                Some(',' | ' ' | '\t') if !open.is_empty() => self.bump(),
                Some('=') if open.last() == Some(&'}') => self.bump(),
                // There it may be a key as well.
                Some(c) if is_scalar(c) && open.last() == Some(&'}') => {
                    self.take_while(is_scalar);
                }
                None if !open.is_empty() => {
                    self.line = start;
                    return Err("a bracket is never closed".to_owned());
                }
                _ => self.skip_scalar()?,
            }
            if open.is_empty() {
                return Ok(skipped);
            }
        }
    }

    /// Steps over a number, a date or the like: what is no string and has no bracket.
    fn skip_scalar(&mut self) -> Result<(), String> {
        let scalar = self.take_while(is_scalar);
        let unsigned = scalar.strip_prefix(['+', '-']).unwrap_or(scalar);
        let number = unsigned.starts_with(|c: char| c.is_ascii_digit());
        // A word without quotes would be a header if an array was left open above it.
        if !number && !matches!(unsigned, "true" | "false" | "inf" | "nan") {
            return Err("a value is missing, or is not understood".to_owned());
        }
        // A date and its time may stand apart.
        let date = scalar.len() == 10 && scalar.matches('-').count() == 2;
        if let Some(time) = self.rest.strip_prefix(' ').filter(|_| date) {
            if time.starts_with(|c: char| c.is_ascii_digit()) {
                self.rest = time;
                self.take_while(is_scalar);
            }
        }
        Ok(())
    }

    fn skip_string(&mut self) -> Result<Skipped, String> {
        for quotes in ["\"\"\"", "'''"] {
            if self.eat(quotes) {
                self.skip_long_string(quotes)?;
                return Ok(Skipped::Other);
            }
        }
        if self.peek() == Some('"') {
            self.basic_string()?;
        } else {
            self.literal_string()?;
        }
        Ok(Skipped::Simple)
    }

    fn skip_long_string(&mut self, quotes: &str) -> Result<(), String> {
        let start = self.line;
        loop {
            if self.eat(quotes) {
                // One or two quotes more belong to the string, and end it all the same.
                let quote = &quotes[..1];
                let _ = self.eat(quote) && self.eat(quote);
                return Ok(());
            }
            match self.peek() {
                None => {
                    self.line = start;
                    return Err("a string is never closed".to_owned());
                }
                Some('\r' | '\n') => self.line_end()?,
                Some(c) if is_control(c) => {
                    return Err("a control character in a string".to_owned());
                }
                Some(c) => {
                    self.bump();
                    // The next character is escaped, and may be a quote, unless the line ends here.
                    if c == '\\' && quotes.starts_with('"') && self.rest.starts_with(['"', '\\']) {
                        self.bump();
                    }
                }
            }
        }
    }

    /// Nothing but blanks and a comment may come before the end of the line.
    fn end_of_line(&mut self) -> Result<(), String> {
        self.blanks();
        if self.eat("#") {
            self.take_while(|c| !is_control(c));
        }
        match self.peek() {
            None => Ok(()),
            Some('\n' | '\r') => self.line_end(),
            Some(c) if is_control(c) => Err("a control character".to_owned()),
            Some(_) => Err("more than one value, or a string without quotes".to_owned()),
        }
    }

    fn line_end(&mut self) -> Result<(), String> {
        // Some would take a lone CR for the end of a line, TOML forbids it.
        if !self.eat("\n") && !self.eat("\r\n") {
            return Err("a carriage return without a line feed".to_owned());
        }
        self.line += 1;
        Ok(())
    }

    fn blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

impl Profile {
    /// The member of that name, if it is one that we need.
    fn member(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "api_key" => Some(&mut self.api_key),
            "api_server" => Some(&mut self.api_server),
            "ca_cert" => Some(&mut self.ca_cert),
            "bearer_token" => Some(&mut self.bearer_token),
            _ => None,
        }
    }
}

/// What a key or a name without quotes is made of.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_bare)
}

/// What numbers, dates and booleans are made of.
fn is_scalar(c: char) -> bool {
    is_bare(c) || matches!(c, '+' | '.' | ':')
}

/// What TOML allows nowhere, and the ends of lines, which have their own rules.
fn is_control(c: char) -> bool {
    c != '\t' && c.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn profile(text: &str) -> Profile {
        parse(text, "default").expect("understood").expect("there")
    }

    #[track_caller]
    fn api_key(text: &str, wanted: &str) {
        assert_eq!(profile(text).api_key.as_deref(), Some(wanted), "{text:?}");
    }

    #[track_caller]
    fn fails(text: &str, line: usize, reason: &str) {
        let error = parse(text, "default").expect_err(text);
        assert_eq!(
            (error.line, error.reason.as_str()),
            (line, reason),
            "{text:.99?}"
        );
    }

    #[test]
    fn as_the_official_program_writes_it() {
        let text = "[profiles.default]\napi_key = \"sim1\"\napi_server = \"https://api.acme.example\"\n\
                    ca_cert = \"\"\n\n[profiles.staging]\napi_key = ''\nbearer_token = 'eyJ'\n\
                    ca_cert = '/etc/ca.pem'\n";
        let wanted = Profile {
            api_key: Some("sim1".to_owned()),
            api_server: Some("https://api.acme.example".to_owned()),
            ..Profile::default()
        };
        assert!(parse(text, "default") == Ok(Some(wanted)));
        let wanted = Profile {
            bearer_token: Some("eyJ".to_owned()),
            ca_cert: Some("/etc/ca.pem".to_owned()),
            ..Profile::default()
        };
        assert!(parse(text, "staging") == Ok(Some(wanted)));
        assert_eq!(parse(text, "other"), Ok(None));
        assert_eq!(parse(text, ""), Ok(None));
        assert_eq!(names(text), ["default", "staging"]);
    }

    #[test]
    fn other_ways_to_write_the_same() {
        for text in [
            "\u{feff}[profiles.default]\r\napi_key = \"k\"\r\n",
            "# c\n\n \t[ profiles . default ] # c\n\tapi_key=\"k\"# c",
            "[\"profiles\".'default']\n\"api_key\" = 'k'",
            "[profiles.\"d\\u0065fault\"]\n'api_key' = \"\\U0000006b\"",
            "[profiles]\n[profiles.default]\napi_key = 'k'",
            "[profiles.default.more]\napi_key = 'x'\n[profiles.default]\napi_key = 'k'",
            "[profiles.default]\napi_key = 'k'\n[[profiles.default.more]]\napi_key = 'x'",
            "[profiles.default]\na = 1\nb = -1.5e+3\nc = -inf\nd = 1979-05-27 07:32:00Z\ne = 'x'\n\
             f = \"x\"\napi_key = 'k'",
        ] {
            api_key(text, "k");
        }
        assert!(profile("[profiles.default.more]") == Profile::default());
        assert!(profile("[profiles.default]") == Profile::default());
    }

    #[test]
    fn strings() {
        for (string, wanted) in [
            (r#""a b#c'[]""#, "a b#c'[]"),
            (r"'a\n b#c\'", r"a\n b#c\"),
            (r#""\b\t\n\f\r\"\\""#, "\u{8}\t\n\u{c}\r\"\\"),
            (r#""\u00e9\U0001F600é""#, "é😀é"),
            ("\"a\tb\"", "a\tb"),
            ("'a\tb'", "a\tb"),
        ] {
            api_key(
                &format!("[profiles.default]\napi_key = {string} # c"),
                wanted,
            );
        }
        let escape = "an unknown escape in a string; '…' quotes leave a backslash alone";
        let unquoted = "'api_key' is not a string; strings stand in quotes";
        for (string, reason) in [
            (r#""a"#, "a string does not end on its line"),
            ("'a\n'", "a string does not end on its line"),
            ("\"a\r\n\"", "a string does not end on its line"),
            ("\"a\u{0}\"", "a control character in a string"),
            ("\"a\u{7f}\"", "a control character in a string"),
            ("'a\u{1b}'", "a control character in a string"),
            (r#""\e""#, escape),
            (r#""C:\ca.pem""#, escape),
            (r#""\u12g4""#, "an escape in a string needs more hex digits"),
            (r#""\u123""#, "an escape in a string needs more hex digits"),
            (r#""\ud800""#, "an escape in a string is no character"),
            (r#""\Uffffffff""#, "an escape in a string is no character"),
            ("'a' 'b'", "more than one value, or a string without quotes"),
            ("'a'\u{0}", "a control character"),
            ("'a' # \u{0}", "a control character"),
            ("'a'\r", "a carriage return without a line feed"),
            (
                "'a' # c\r[profiles.default]",
                "a carriage return without a line feed",
            ),
            ("sim123", unquoted),
            ("1", unquoted),
            ("['a']", unquoted),
            ("", unquoted),
            ("\"\"\"a\"\"\"", ONE_LINE_STRING),
            ("'''a'''", ONE_LINE_STRING),
        ] {
            fails(
                &format!("[profiles.default]\napi_key = {string}"),
                2,
                reason,
            );
        }
    }

    #[test]
    fn a_profile_is_one_table_of_strings() {
        let own_table = "a profile is understood only as a table of its own, [profiles.default]";
        let dotted = "keys with dots are not understood in a profile";
        let no_key = "a key is missing, or has a character that needs quotes";
        let no_end = "the table's name does not end with ']'";
        for (text, line, reason) in [
            ("profiles.default.api_key = 'k'", 1, own_table),
            ("profiles.default = {api_key = 'k'}", 1, own_table),
            ("profiles = {default = {api_key = 'k'}}", 1, own_table),
            ("\n[profiles]\ndefault = {api_key = 'k'}", 3, own_table),
            ("[profiles]\ndefault.api_key = 'k'", 2, own_table),
            ("[[profiles]]", 1, "'profiles' is an array of tables"),
            (
                "[[profiles.default]]",
                1,
                "the profile is an array of tables",
            ),
            (
                "[profiles.default]\n[profiles.default]",
                2,
                "the profile is there twice",
            ),
            (
                "[profiles.default.api_key]",
                1,
                "'api_key' is a table, not a string",
            ),
            (
                "[[profiles.default.ca_cert]]",
                1,
                "'ca_cert' is a table, not a string",
            ),
            (
                "[profiles.default]\napi_key = 'k'\napi_key = 'k'",
                3,
                "'api_key' is there twice",
            ),
            (
                "[profiles.default]\nx = 'k'\n'x' = 'k'",
                3,
                "a key is there twice",
            ),
            ("[profiles.default]\napi_key.x = 'k'", 2, dotted),
            ("[profiles.default]\nx = [1]", 2, ONE_LINE_STRING),
            ("[profiles.default]\nx = {}", 2, ONE_LINE_STRING),
            ("[profiles.default]\nx = \"\"\"a\"\"\"", 2, ONE_LINE_STRING),
            ("[profiles.default]\nx = '''\n'''", 3, ONE_LINE_STRING),
            ("[profiles.default", 1, no_end),
            ("[[profiles.default]", 1, no_end),
            (
                "[profiles.default]]",
                1,
                "more than one value, or a string without quotes",
            ),
            ("[profiles.]", 1, no_key),
            ("[profiles.é]", 1, no_key),
            (
                "[profiles.default]\napi_key: 'k'",
                2,
                "'=' is missing after the key",
            ),
            (
                "[profiles.default]\napi_key",
                2,
                "'=' is missing after the key",
            ),
        ] {
            fails(text, line, reason);
        }
        let error = parse("profiles.'a b' = 1", "a b").expect_err("not understood");
        assert!(error.reason.ends_with("[profiles.NAME]"));
    }

    #[test]
    fn what_another_table_holds_is_stepped_over() {
        let trap = "\n[profiles.default]\napi_key = 'trap'\n";
        for value in [
            &format!("\"\"\"{trap}\"\"\""),
            &format!("\"\"\"{trap}\\\"\"\"{trap}\"\"\""),
            &format!("'''{trap}\\'''"),
            &format!("'''{trap}'''''"),
            r#""""\\"""""#,
            r#"""""""""#,
            "\"\"\"\\\r\n  a\"\"\"",
            "[ # ]\n[1, 2],\r\n 'x]', \"]\", '''\n]''', {a.b = ']', c = [\n]}\n, 1979-05-27 07:32:00 ]",
            "{ a = \"}\", 'b' = [] }",
            r#""\"""#,
        ] {
            for head in [
                "",
                "[x]\n",
                "[profiles.x]\n",
                "[[x]]\n",
                "[x.profiles.default]\n",
            ] {
                api_key(
                    &format!("{head}x = {value} # c\n[profiles.default]\napi_key = 'k'\n"),
                    "k",
                );
            }
        }
        for text in [
            "[a]\nx = [\n'[profiles.default]'\n]\n",
            "profiles.other = {api_key = 'k'}",
            "[other]\nprofiles.default = 1",
            "[a.profiles]\ndefault = 1",
        ] {
            assert_eq!(parse(text, "default"), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_stepped_over_is_an_error() {
        let value = "a value is missing, or is not understood";
        let more = "more than one value, or a string without quotes";
        let lone = "a carriage return without a line feed";
        for (text, line, reason) in [
            ("x = [\n[1]\n", 1, "a bracket is never closed"),
            ("\nx = {", 2, "a bracket is never closed"),
            ("x = \"\"\"\n\n", 1, "a string is never closed"),
            ("x = '''\n''", 1, "a string is never closed"),
            ("x = '''\u{0}'''", 1, "a control character in a string"),
            ("x = '''\r'''", 1, lone),
            ("x = [1}", 1, value),
            ("x = {a = 1\n}", 1, value),
            ("x = {a = 1 # }\n}", 1, value),
            ("x = ]", 1, value),
            ("x = ,", 1, value),
            ("x =", 1, value),
            ("x = # c", 1, value),
            ("x = é", 1, value),
            ("x = yes", 1, value),
            ("x = .5", 1, value),
            ("x = [\n[profiles.default]\n]\n", 2, value),
            ("x = [\n['profiles'.'default']\n]\n", 2, value),
            ("x = [\n1\na = 1\n]\n", 3, value),
            ("x = [1 = 1]", 1, value),
            ("x = {a = (}", 1, value),
            ("x = 1 2", 1, more),
            ("x = 1234567890 1", 1, more),
            ("x = 1-2-3 4", 1, more),
            ("x = 1979-05-27 a", 1, more),
            ("x = \"\"\"a\"\"\"\"\"\"", 1, more),
            ("x = [\r1]", 1, lone),
            ("[a] x = 1", 1, more),
            ("\r", 1, lone),
            (
                "= 1",
                1,
                "a key is missing, or has a character that needs quotes",
            ),
        ] {
            fails(text, line, reason);
        }
        // Brackets must cost no stack.
        fails(
            &format!("x = {}", "[".repeat(1_000_000)),
            1,
            "a bracket is never closed",
        );
    }

    #[test]
    fn names_are_those_that_need_no_quotes() {
        let text = "[profiles.b]\n[profiles.a.x]\n[profiles.a]\n[profiles.\"\\u001b\"]\n\
                    [profiles.\"\"]\n[profiles]\n[other.c]\n[profiles.d]\n!\n[profiles.e]";
        assert_eq!(names(text), ["a", "b", "d"]);
    }

    #[test]
    fn values_are_never_shown() {
        let shown = format!("{:?}", profile("[profiles.default]\napi_key = 'secret'"));
        assert_eq!(shown, "Profile { .. }");
        for value in [
            "secret",
            "'secret",
            "\"secret\\x\"",
            "'secret' secret",
            "[secret]",
        ] {
            for key in ["api_key", "secret", "secret.secret", "secret secret"] {
                let text = format!("[profiles.default]\n{key} = {value}\n{key} = {value}");
                let error = parse(&text, "default").expect_err(&text);
                assert!(!error.reason.contains("secret"), "{error:?}");
            }
        }
    }

    #[test]
    fn every_cut_is_taken_calmly() {
        let text = "\u{feff}[profiles.\"d\"]\r\nx = \"\\u00e9é\" # é\r\n[a]\r\n\
                    y = [ 'a', \"\"\"b\\\r\n\"\"\", {c = 1} ]\r\n";
        for (at, _) in text.char_indices() {
            let _ = parse(&text[..at], "d");
            let _ = parse(&text[at..], "d");
        }
    }
}
