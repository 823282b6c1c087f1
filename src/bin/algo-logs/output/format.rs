//! Formats numbers for people: bytes, durations, ages.

use std::time::{Duration, SystemTime};

/// Formats a number of bytes: `999 B`, `1.0 kB`, `12.3 MB`.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = "";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        // From here on, one decimal place would round to 1000.0.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// Formats a duration to the nearest second: `48s`, `3m12s`, `1h04m`.
pub(crate) fn duration(time: Duration) -> String {
    let total = time.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds:02}s"),
        _ => format!("{hours}h{minutes:02}m"),
    }
}

/// Formats how long ago a time was. The result is `0s` if this clock is behind the cluster's.
pub(crate) fn age_of(time: SystemTime) -> String {
    age(SystemTime::now().duration_since(time).unwrap_or_default())
}

/// Formats how long ago something was, in one unit: `12s`, `5m`, `3h`, `4d`, `7w`, `2y`.
pub(crate) fn age(time: Duration) -> String {
    const UNITS: [(u64, char); 5] = [
        (365 * 86_400, 'y'),
        (7 * 86_400, 'w'),
        (86_400, 'd'),
        (3600, 'h'),
        (60, 'm'),
    ];
    let seconds = time.as_secs();
    match UNITS.iter().find(|(unit, _)| seconds >= *unit) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        const DAY: u64 = 86_400;
        let seconds = [
            0,
            59,
            60,
            3599,
            3600,
            DAY - 1,
            4 * DAY,
            7 * DAY,
            364 * DAY,
            365 * DAY,
        ];
        let ages = seconds.map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(ages.join(" "), "0s 59s 1m 59m 1h 23h 4d 1w 52w 1y");
    }

    #[test]
    fn numbers_of_bytes() {
        let counts = [0, 999, 1000, 999_949, 999_950, 12_345_678, u64::MAX].map(bytes);
        assert_eq!(
            counts.join(", "),
            "0 B, 999 B, 1.0 kB, 999.9 kB, 1.0 MB, 12.3 MB, 18.4 EB"
        );
    }

    #[test]
    fn durations() {
        let millis = [
            0, 499, 12_345, 59_499, 59_500, 192_000, 3_599_000, 3_600_000, 93_900_000,
        ];
        let durations = millis.map(|millis| duration(Duration::from_millis(millis)));
        assert_eq!(
            durations.join(" "),
            "0s 0s 12s 59s 1m00s 3m12s 59m59s 1h00m 26h05m"
        );
    }
}
