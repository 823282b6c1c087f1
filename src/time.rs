//! Parses times: RFC 3339, which the service uses, and the date format of HTTP headers.

use std::time::{Duration, SystemTime};

/// Parses an RFC 3339 time, such as `2021-07-29T21:12:56.442Z` or `2021-07-29T23:12:56+02:00`.
///
/// Returns `None` for anything else, and for a time before 1970.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));

    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let clock = numbers(time, ':', [2, 2, 2])?;
    let seconds = since_1970(year, month, day, clock)? - offset_seconds(offset)?;
    let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds + nanoseconds(fraction)?)
}

/// Parses the date format of HTTP headers, `Wed, 21 Oct 2015 07:28:00 GMT`.
///
/// RFC 9110 requires servers to send this format. The two obsolete ones are not supported.
pub(crate) fn parse_http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let (date, time) = rest.rsplit_once(' ')?;
    let (day, month_and_year) = date.split_once(' ')?;
    let (month, year) = month_and_year.split_once(' ')?;

    let month = MONTHS.iter().position(|&name| name == month)? as i64 + 1;
    let clock = numbers(time, ':', [2, 2, 2])?;
    let seconds = since_1970(number(year, 4)?, month, number(day, 2)?, clock)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Parses three numbers of fixed width, with a separator between them.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number_read, width) in numbers.iter_mut().zip(widths) {
        *number_read = number(parts.next()?, width)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn number(text: &str, width: usize) -> Option<i64> {
    let digits = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Parses the digits after a decimal point. Drops those beyond nanoseconds.
fn nanoseconds(fraction: &str) -> Option<Duration> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}");
    Some(Duration::from_nanos(nanoseconds[..9].parse().ok()?))
}

/// Parses `Z`, `+02:00` or `-02:00`.
fn offset_seconds(offset: &str) -> Option<i64> {
    let sign = match offset.as_bytes().first()? {
        b'Z' | b'z' => return (offset.len() == 1).then_some(0),
        b'+' => 1,
        _ => -1,
    };
    let (hours, minutes) = offset[1..].split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

/// Counts the seconds from the beginning of 1970 in UTC. A leap second counts as the first second of the next minute.
fn since_1970(year: i64, month: i64, day: i64, clock: [i64; 3]) -> Option<i64> {
    let [hour, minute, second] = clock;
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap_year),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
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
            ("2021-07-29t21:12:56.4420009999z", 1_627_593_176_442),
            ("2021-07-29T23:12:56.4+02:00", 1_627_593_176_400),
            ("2021-07-29T15:42:56-05:30", 1_627_593_176_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2100-02-28T23:59:60Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(millis(parse_rfc3339(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_are_compared_as_instants() {
        let order = |earlier, later| assert!(parse_rfc3339(earlier) < parse_rfc3339(later));
        order("2021-07-29T10:00:00Z", "2021-07-29T10:00:00.900Z");
        order("2021-07-29T12:00:00+03:00", "2021-07-29T10:00:00Z");
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
            "2021-07-29T21:12:56.Z",
            "2021-07-29T21:12:56.4x2Z",
            "2021-7-29T21:12:56Z",
            "2021-02-29T21:12:56Z",
            "2021-13-01T21:12:56Z",
            "2021-00-01T21:12:56Z",
            "2021-07-00T21:12:56Z",
            "2021-07-29T24:00:00Z",
            "2021-07-29T21:60:56Z",
            "2021-07-29T21:12:61Z",
            "2021-07-29T21:12:56Zx",
            "2021-07-29T21:12:56+0200",
            "2021-07-29T21:12:56+24:00",
            "2021-07-29T21:12:5\u{e9}Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        for text in [
            "",
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
