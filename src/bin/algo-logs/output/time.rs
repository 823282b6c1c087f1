//! Times as the service writes them, for how long a build took.
//!
//! A time is shown as it came. Only the difference of two needs a calendar: this small one.

use std::ops::RangeInclusive;

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// From `start` to `end`, both RFC 3339 times, to the suggest second. Negative if `end` is earlier.
pub(crate) fn seconds_between(start: &str, end: &str) -> Option<i64> {
    let (start, end) = (Instant::parse(start)?, Instant::parse(end)?);
    let nanos = end.nanos - start.nanos + NANOS_PER_SECOND / 2;
    Some(end.seconds - start.seconds + nanos.div_euclid(NANOS_PER_SECOND))
}

/// A moment, counted from the beginning of 1970 in UTC.
struct Instant {
    seconds: i64,
    nanos: i64,
}

impl Instant {
    fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.as_bytes());
        let year = cursor.number(4, 0..=9999)?;
        cursor.one_of(b"-")?;
        let month = cursor.number(2, 1..=12)?;
        cursor.one_of(b"-")?;
        let day = cursor.number(2, 1..=days_of_month(year, month))?;
        cursor.one_of(b"Tt")?;
        let hour = cursor.number(2, 0..=23)?;
        cursor.one_of(b":")?;
        let minute = cursor.number(2, 0..=59)?;
        cursor.one_of(b":")?;
        let second = cursor.number(2, 0..=60)?;
        let nanos = cursor.fraction()?;
        let offset = cursor.offset()?;
        if !cursor.0.is_empty() {
            return None;
        }
        let days = days_since_1970(year, month, day);
        let seconds = days * SECONDS_PER_DAY + (hour * 60 + minute - offset) * 60 + second;
        // A leap second is the last one of a UTC day, and counts as the first of the next.
        let possible = second < 60 || seconds % SECONDS_PER_DAY == 0;
        possible.then_some(Self { seconds, nanos })
    }
}

/// What is left to read of a time.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        if !wanted.contains(&byte) {
            return None;
        }
        self.0 = rest;
        Some(byte)
    }

    fn digit(&mut self) -> Option<i64> {
        self.one_of(b"0123456789")
            .map(|byte| i64::from(byte - b'0'))
    }

    fn number(&mut self, digits: u32, allowed: RangeInclusive<i64>) -> Option<i64> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + self.digit()?;
        }
        allowed.contains(&number).then_some(number)
    }

    /// Nanoseconds; digits beyond them are read and ignored.
    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".").is_none() {
            return Some(0);
        }
        let mut unit = NANOS_PER_SECOND / 10;
        let mut nanos = self.digit()? * unit;
        while let Some(digit) = self.digit() {
            unit /= 10;
            nanos += digit * unit;
        }
        Some(nanos)
    }

    /// Minutes east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2, 0..=23)?;
        self.one_of(b":")?;
        let minutes = self.number(2, 0..=59)?;
        Some(sign * (hours * 60 + minutes))
    }
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// In the Gregorian calendar, after
/// <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
///
/// The year is taken to begin in March, so that the leap day is its last one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &str, end: &str, expected: i64) {
        assert_eq!(
            seconds_between(start, end),
            Some(expected),
            "{start} to {end}"
        );
        assert_eq!(seconds_between(end, end), Some(0), "{end} to itself");
    }

    #[test]
    fn differences() {
        check("2021-07-29T21:12:56.442Z", "2021-07-29T21:14:16.442Z", 80);
        check("2021-07-29T21:12:56Z", "2021-07-29T21:12:08Z", -48);
        check("2021-12-31T23:59:59Z", "2022-01-01T00:00:00Z", 1);
        check("2021-02-28T00:00:00Z", "2021-03-01T00:00:00Z", 86_400);
        check("2020-02-28T00:00:00Z", "2020-03-01T00:00:00Z", 2 * 86_400);
        check("2000-02-29T00:00:00Z", "2000-03-01T00:00:00Z", 86_400);
        check("1900-02-28T00:00:00Z", "1900-03-01T00:00:00Z", 86_400);
        check("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", 366 * 86_400);
        check(
            "1970-01-01T00:00:00Z",
            "2021-07-29T21:12:56Z",
            1_627_593_176,
        );
        check(
            "0000-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            719_528 * 86_400,
        );
        check(
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            3_652_425 * 86_400 - 1,
        );
    }

    #[test]
    fn every_day_is_one_later_than_the_last() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        let mut before = days_since_1970(1899, 12, 31);
        for year in 1900..=2400 {
            for (month, day) in
                (1..=12).flat_map(|m| (1..=days_of_month(year, m)).map(move |d| (m, d)))
            {
                before += 1;
                assert_eq!(
                    days_since_1970(year, month, day),
                    before,
                    "{year}-{month}-{day}"
                );
            }
        }
    }

    #[test]
    fn offsets() {
        check("2021-07-29T21:00:00Z", "2021-07-29T23:30:00+02:30", 0);
        check("2021-07-29T21:00:00z", "2021-07-29T18:00:01-03:00", 1);
        check("2021-07-29t23:00:00-02:00", "2021-07-30T01:00:00-00:00", 0);
        check(
            "2021-07-29T00:00:00+23:59",
            "2021-07-29T00:00:00-23:59",
            2 * 86_340,
        );
    }

    #[test]
    fn fractions_round_to_the_nearest_second() {
        check("2021-07-29T21:00:00.600Z", "2021-07-29T21:00:01.099Z", 0);
        check("2021-07-29T21:00:00.6Z", "2021-07-29T21:00:01.100000Z", 1);
        check("2021-07-29T21:00:00.9Z", "2021-07-29T21:00:02.1Z", 1);
        check("2021-07-29T21:00:00.1Z", "2021-07-29T21:00:02.9Z", 3);
        check("2021-07-29T21:00:02.9Z", "2021-07-29T21:00:00.1Z", -3);
        check("2021-07-29T21:00:00.4Z", "2021-07-29T21:00:00.1Z", 0);
        check(
            "2021-07-29T21:00:00Z",
            "2021-07-29T21:00:00.49999999999999999999999999999Z",
            0,
        );
        check(
            "2021-07-29T21:00:00Z",
            "2021-07-29T21:00:00.999999999999999999999999999Z",
            1,
        );
    }

    #[test]
    fn leap_seconds() {
        check("2016-12-31T23:59:60Z", "2017-01-01T00:00:01Z", 1);
        check("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:01Z", 1);
        check("2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00Z", 0);
    }

    #[test]
    fn anything_else_is_no_time() {
        let good = "2021-07-29T21:12:56Z";
        let bad = [
            "",
            "Z",
            "2021-07-29",
            "2021-07-29T21:12:56",
            "2021-07-29T21:12Z",
            "2021-07-29 21:12:56Z",
            "2021-07-29T21:12:56ZZ",
            "2021-07-29T21:12:56Z ",
            " 2021-07-29T21:12:56Z",
            "2021-07-29T21:12:56.Z",
            "2021-07-29T21:12:56,5Z",
            "2021-07-29T21:12:56.5",
            "2021/07/29T21:12:56Z",
            "2021/07-29T21:12:56Z",
            "2021-07/29T21:12:56Z",
            "2021-07-29T21-12:56Z",
            "2021-07-29T21:12-56Z",
            "20210729T211256Z",
            "2021-7-29T21:12:56Z",
            "+2021-07-29T21:12:56Z",
            "-021-07-29T21:12:56Z",
            "12021-07-29T21:12:56Z",
            "2021-00-29T21:12:56Z",
            "2021-13-29T21:12:56Z",
            "2021-07-00T21:12:56Z",
            "2021-07-32T21:12:56Z",
            "2021-04-31T21:12:56Z",
            "2021-06-31T21:12:56Z",
            "2021-09-31T21:12:56Z",
            "2021-11-31T21:12:56Z",
            "2021-02-29T21:12:56Z",
            "2020-02-30T21:12:56Z",
            "1900-02-29T21:12:56Z",
            "2021-07-29T24:00:00Z",
            "2021-07-29T21:60:56Z",
            "2021-07-29T21:12:61Z",
            "2021-07-29T21:12:60Z",
            "2016-12-31T23:59:60+01:00",
            "2021-07-29T21:12:56+0200",
            "2021-07-29T21:12:56+02",
            "2021-07-29T21:12:56+24:00",
            "2021-07-29T21:12:56+02:60",
            "2021-07-29T21:12:56+02:00Z",
            "2021-07-29T21:12:5é",
            "２021-07-29T21:12:56Z",
        ];
        for text in bad {
            assert_eq!(seconds_between(text, good), None, "{text:?} as a start");
            assert_eq!(seconds_between(good, text), None, "{text:?} as an end");
        }
    }
}
