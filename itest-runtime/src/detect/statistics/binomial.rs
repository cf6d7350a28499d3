//! The binomial distribution.

use std::f64::consts::{PI, TAU};

/// The probability of exactly `count` successes in `trials` trials. Each trial succeeds with the probability `chance`
/// and fails with `miss`, which is `1 − chance`. Both counts are whole numbers.
///
/// This is the saddle-point expansion (Loader: "Fast and accurate computation of binomial probabilities", 2000).
/// Logarithms of factorials are as large as the counts, so their differences lose many digits. The expansion cancels
/// the large parts analytically, so that the relative error is about 1e-14 for all counts.
pub(super) fn probability(count: f64, trials: f64, chance: f64, miss: f64) -> f64 {
    let missed = trials - count;
    if count <= 0.0 {
        return all(trials, miss, chance);
    }
    if missed <= 0.0 {
        return all(trials, chance, miss);
    }
    if chance <= 0.0 || miss <= 0.0 {
        return 0.0;
    }
    let logarithm = stirling_error(trials)
        - stirling_error(count)
        - stirling_error(missed)
        - deviance(count, trials * chance)
        - deviance(missed, trials * miss);
    logarithm.exp() * (trials / (TAU * count * missed)).sqrt()
}

/// `chance` to the power of `trials`. Of `chance` and `miss` the smaller one is exact, so it is used.
fn all(trials: f64, chance: f64, miss: f64) -> f64 {
    if trials <= 0.0 {
        return 1.0;
    }
    let logarithm = if miss < chance { (-miss).ln_1p() } else { chance.ln() };
    (trials * logarithm).exp()
}

/// The logarithm of the error of Stirling's formula: `ln n! − ln(√(2πn)·(n/e)ⁿ)`.
fn stirling_error(number: f64) -> f64 {
    // From here on the next term of the series is below 1e-16. For smaller numbers the factorial is exact.
    const SERIES_FROM: f64 = 16.0;
    if number >= SERIES_FROM {
        let square = number * number;
        let inner = 1.0 / 1680.0 - 1.0 / (1188.0 * square);
        return (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - inner / square) / square) / square) / number;
    }
    let (mut factorial, mut factor) = (1.0, 2.0);
    while factor <= number {
        factorial *= factor;
        factor += 1.0;
    }
    f64::ln(factorial) - number * number.ln() + number - (2.0 * PI * number).ln() / 2.0
}

/// `x·ln(x/m) + m − x`. Where `x` is close to `m` the terms would cancel, so a series is used there.
fn deviance(count: f64, expected: f64) -> f64 {
    let difference = count - expected;
    if difference.abs() >= 0.1 * (count + expected) {
        return count * (count / expected).ln() + expected - count;
    }
    let ratio = difference / (count + expected);
    let (mut sum, mut power) = (difference * ratio, 2.0 * count * ratio);
    // The ratio is below 0.1, so each term is less than a hundredth of the one before.
    for odd in [3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0] {
        power *= ratio * ratio;
        sum += power / odd;
        if power.abs() <= f64::EPSILON * sum {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_all_counts_sum_to_one() {
        for (trials, chance) in [(1_u32, 0.3), (7, 0.01), (100, 0.5), (1000, 0.999), (3000, 0.2)] {
            let sum: f64 =
                (0..=trials).map(|count| probability(f64::from(count), f64::from(trials), chance, 1.0 - chance)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{trials} trials at {chance}: {sum}");
        }
    }

    #[test]
    fn small_counts_match_the_formula() {
        let actual = probability(2.0, 5.0, 0.3, 0.7);
        assert!((actual - 10.0 * 0.09 * 0.343).abs() < 1e-14, "{actual}");
        let actual = probability(10.0, 20.0, 0.5, 0.5);
        assert!((actual - 184_756.0 / 1_048_576.0).abs() < 1e-14, "{actual}");
    }

    #[test]
    fn impossible_and_certain_counts_are_exact() {
        let exact = [
            ((0.0, 9.0, 0.0, 1.0), 1.0),
            ((1.0, 9.0, 0.0, 1.0), 0.0),
            ((9.0, 9.0, 1.0, 0.0), 1.0),
            ((0.0, 0.0, 0.4, 0.6), 1.0),
        ];
        for ((count, trials, chance, miss), expected) in exact {
            assert!((probability(count, trials, chance, miss) - expected).abs() < 1e-15, "{count} of {trials}");
        }
    }

    #[test]
    fn large_counts_keep_their_digits() {
        // Reference values, computed with fifty digits.
        for (count, trials, chance, expected) in LARGE {
            let actual = probability(count, trials, chance, 1.0 - chance);
            assert!((actual / expected - 1.0).abs() < 1e-11, "{count} of {trials}: {actual}");
        }
    }

    const LARGE: [(f64, f64, f64, f64); 3] = [
        (50_000.0, 100_000.0, 0.5, 0.002_523_126_214_196_74),
        (3.0, 100_000.0, 2e-5, 0.180_448_848_809_986_73),
        (1e6, 4e9, 0.000_25, 0.000_398_992_124_289_293_8),
    ];
}
