//! The format of numbers in the tables.

use std::fmt::Display;
use std::time::Duration;

/// A whole number with its digits in groups of three.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with about three digits.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        10.0.. => format!("{seconds:.1} s"),
        1.0.. => format!("{seconds:.2} s"),
        0.1.. => format!("{:.0} ms", seconds * 1e3),
        0.01.. => format!("{:.1} ms", seconds * 1e3),
        0.001.. => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.1} µs", seconds * 1e6),
    }
}

/// An amount of memory.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", as_mebibytes(bytes))
}

pub(crate) fn as_mebibytes(bytes: u64) -> f64 {
    as_float(bytes) / 1_048_576.0
}

/// A ratio of two amounts.
pub(crate) fn ratio(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// Converts a whole number. Numbers up to 2^53 are exact, and no size here is larger.
pub(crate) fn as_float(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(time(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_nanos(834_500)), "834.5 µs");
        assert_eq!(mebibytes(40 * 1_048_576), "40.0 MiB");
        assert_eq!(ratio(0.614), "0.61 ×");
        assert!((as_float((1 << 40) + 3) - 1_099_511_627_779.0).abs() < 0.5);
    }
}
