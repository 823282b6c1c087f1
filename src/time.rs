//! Parses times: RFC 3339, which the service uses, and the date format of HTTP headers.

use std::time::{Duration, SystemTime};

/// Parses an RFC 3339 time in UTC, such as `2021-07-29T21:12:56.442Z`. The service uses no other time zone.
///
/// Returns `None` for anything else, and for a time before 1970.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z')?;
    let (time, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digit = |c: char| c.is_ascii_digit();
    if time.replace(is_digit, "0") != "0000-00-00T00:00:00" || !fraction.chars().all(is_digit) {
        return None;
    }
    let numbers: Vec<i64> = time.split(['-', 'T', ':']).flat_map(str::parse).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else {
        return None;
    };
    let seconds = since_1970([year, month, day], [hour, minute, second])?;
    // Digits beyond nanoseconds are dropped.
    let nanoseconds = format!("{fraction:0<9.9}").parse().ok()?;
    let time = Duration::new(seconds.try_into().ok()?, nanoseconds);
    SystemTime::UNIX_EPOCH.checked_add(time)
}

/// Parses the date format of HTTP headers, `Wed, 21 Oct 2015 07:28:00 GMT`.
///
/// RFC 9110 requires servers to send this format. The two obsolete ones are not supported.
pub(crate) fn parse_http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|&name| name == month)? + 1;
    parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

/// Counts the seconds from the beginning of 1970 in UTC. A leap second counts as the first second of the next minute, and
/// February 30 as a day of March.
fn since_1970([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // If the year begins in March, the leap day is its last day, and a formula gives the first day of each month:
    // https://howardhinnant.github.io/date_algorithms.html#days_from_civil
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + leap_days + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds since 1970.
    fn millis(time: Option<SystemTime>) -> Option<u128> {
        let since = time?.duration_since(SystemTime::UNIX_EPOCH);
        Some(since.expect("not before 1970").as_millis())
    }

    #[test]
    fn rfc3339() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.001Z", 1),
            ("2021-07-29T21:12:56.442Z", 1_627_593_176_442),
            ("2021-07-29T21:12:56.4420009999Z", 1_627_593_176_442),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2100-02-28T23:59:60Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(millis(parse_rfc3339(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn http_dates() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480_000),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000),
        ] {
            assert_eq!(millis(parse_http_date(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn invalid_times_are_rejected() {
        for text in [
            "",
            "t",
            "2021-07-29",
            "2021-07-29T21:12:56",
            "2021-07-29T21:12Z",
            "2021-07-29T21:12:56.4x2Z",
            "2021-7-29T21:12:56Z",
            "2021-13-01T21:12:56Z",
            "2021-07-00T21:12:56Z",
            "2021-07-29T24:00:00Z",
            "2021-07-29T21:60:56Z",
            "2021-07-29T21:12:61Z",
            "2021-07-29T21:12:56Zx",
            "2021-07-29T21:12:56+02:00",
            "2021-07-29T21:12:5\u{e9}Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        for text in [
            "a, b GMT",
            "Wed, 21 Oct 2015 07:28:00",
            "Wed, 21 Foo 2015 07:28:00 GMT",
            "Wed, 32 Oct 2015 07:28:00 GMT",
            "Wed, 21 Oct 2015 07:28 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }
}
