//! A date of the calendar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The last supported time: the end of the year 9999, in milliseconds since 1970.
pub(crate) const LAST_UNIX_MS: u64 = 253_402_300_799_999;

/// A date in the form `2026-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The date, in UTC, of a time in milliseconds since 1970. A time after the year 9999 gives the last day of that year.
    ///
    /// The algorithm is `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    #[must_use]
    pub(crate) fn of_unix_ms(moment: u64) -> Self {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        // Days are counted from 1 March of the year 0, so that the leap day is the last day of its year. The Gregorian calendar repeats after
        // a cycle of 400 years, which has 146,097 days.
        let days = moment.min(LAST_UNIX_MS) / DAY + 719_468;
        let (cycle, day_of_cycle) = (days / 146_097, days % 146_097);
        let year_of_cycle =
            (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_cycle + cycle * 400 + u64::from(month <= 2);
        let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Self { year: u16::try_from(year).unwrap_or(u16::MAX), month: small(month), day: small(day) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("expected a day such as 2026-12-31, found `{}`", text.escape_debug());
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next()?;
            let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u16>().ok().filter(|_| is_number)
        };
        let fields = (number(4), number(2), number(2), parts.next());
        let (Some(year), Some(month), Some(day), None) = fields else { return Err(error()) };
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return Err(error()),
        };
        let small = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
        if day == 0 || day > last { Err(error()) } else { Ok(Self { year, month: small(month), day: small(day) }) }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_parsed_from_its_display_form() {
        for text in ["2026-12-31", "2024-02-29", "0001-01-01"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in ["2026-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "soon", "", "2026-01-01-01", "+026-01-01"] {
            let error = text.parse::<Date>().unwrap_err();
            assert!(error.contains("such as 2026-12-31"), "{text}: {error}");
        }
        assert!("2026-01-31".parse::<Date>().unwrap() < "2026-02-01".parse().unwrap());
    }

    #[test]
    fn time_after_year_9999_has_its_last_day() {
        for moment in [LAST_UNIX_MS, LAST_UNIX_MS + 1, u64::MAX] {
            assert_eq!(Date::of_unix_ms(moment).to_string(), "9999-12-31");
        }
        assert_eq!(Date::of_unix_ms(0).to_string(), "1970-01-01");
    }

    #[test]
    fn date_of_time_agrees_with_humantime() {
        let days = (0..40_000_u64).step_by(13).map(|day| day * 24 * 60 * 60 + 86_399);
        for second in days {
            let moment = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second);
            let expected = humantime::format_rfc3339_seconds(moment).to_string();
            assert_eq!(Date::of_unix_ms(second * 1000).to_string(), expected[..10]);
        }
    }
}
