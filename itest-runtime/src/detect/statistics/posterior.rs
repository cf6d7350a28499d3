//! The probability that one failure rate is greater than another, given the counts of both.

use super::beta::Beta;
use super::binomial;
use super::tally::Tally;

/// The probability that the failure rate of `a` is greater than that of `b`, with a uniform prior for both.
///
/// The result is exact. The closed-form sums for beta distributions with whole parameters (Cook: "Exact calculation of
/// beta inequalities", 2005; Miller: "Formulas for Bayesian A/B testing", 2015) are the tail of a hypergeometric
/// distribution (Altham: "Exact Bayesian analysis of a 2×2 contingency table, and Fisher's 'exact' significance test",
/// Journal of the Royal Statistical Society B 31, 1969). In short: the posterior rates are order statistics of `runs +
/// 1` uniform numbers each. Which of the two is smaller depends only on how many of the first `failures(a) +
/// failures(b) + 1` numbers belong to `a`.
///
/// After `m` failures in `m` runs against none in `m` the result is `1 − 1/C(2m + 2, m + 1)`; before the first run it
/// is one half. The time is proportional to the square root of the counts.
#[must_use]
pub(crate) fn probability_that_greater(a: Tally, b: Tally) -> f64 {
    let own = f64::from(a.runs()) + 1.0;
    let other = f64::from(b.runs()) + 1.0;
    let drawn = f64::from(a.failures()) + f64::from(b.failures()) + 1.0;
    let most = f64::from(a.failures());
    // The tail without the mode is summed, because its terms decrease.
    if most < drawn * own / (own + other) {
        tail(most, drawn, own, other)
    } else {
        1.0 - tail(drawn - most - 1.0, drawn, other, own)
    }
}

/// The probability that at most `most` of `drawn` numbers are from the `own` ones, and the rest from the `other` ones.
///
/// The first term is computed from three binomial probabilities, whose common `chance` cancels (as in R's `dhyper`).
fn tail(most: f64, drawn: f64, own: f64, other: f64) -> f64 {
    let total = own + other;
    let (chance, miss) = (drawn / total, (total - drawn) / total);
    let mut term = binomial::probability(most, own, chance, miss)
        * binomial::probability(drawn - most, other, chance, miss)
        / binomial::probability(drawn, total, chance, miss);
    let (mut count, mut sum) = (most, term);
    while term > f64::EPSILON * sum / 16.0 {
        let less = (other - drawn + count) * count;
        term *= less / ((own - count + 1.0) * (drawn - count + 1.0));
        count -= 1.0;
        sum += term;
    }
    sum.min(1.0)
}

/// The probability that the failure rate of `a` is greater than that of `b` by at least `lead`, from 0 to 1, with a
/// uniform prior for both.
///
/// There is no closed form. The integral runs over the narrower of the two posterior distributions, because the other
/// one is smooth in that range. The result is accurate to 1e-9.
#[must_use]
pub(super) fn probability_of_lead(a: Tally, b: Tally, lead: f64) -> f64 {
    let (ahead, behind) = (Beta::posterior(a), Beta::posterior(b));
    if behind.standard_deviation() <= ahead.standard_deviation() {
        lead_over(ahead, behind, lead)
    } else {
        // `a − b` equals `(1 − b) − (1 − a)`, in which the narrower distribution is the second one.
        lead_over(behind.mirrored(), ahead.mirrored(), lead)
    }
}

/// Integrates, over the narrower distribution, the probability that the other one is greater by at least `lead`.
fn lead_over(ahead: Beta, narrower: Beta, lead: f64) -> f64 {
    // The heaviest tail is that of Beta(1, n), which is nearly exponential: the part beyond this reach is e⁻⁴⁰.
    const REACH_DEVIATIONS: f64 = 40.0;
    let panel = narrower.standard_deviation();
    let from = (narrower.mean() - REACH_DEVIATIONS * panel).max(0.0);
    let to = (narrower.mean() + REACH_DEVIATIONS * panel).min(1.0 - lead);
    let mut sum = 0.0;
    let mut left = from;
    while left < to {
        let right = (left + panel).min(to);
        sum += integral(left, right, |point| {
            let density = narrower.density(point);
            // Far from the mean the density is negligible, so the expensive factor is not computed.
            if density * panel < 1e-18 { 0.0 } else { density * ahead.above(point + lead) }
        });
        left = right;
    }
    sum.clamp(0.0, 1.0)
}

/// Integrates between two points by the Gauss–Legendre rule with eight points.
fn integral(left: f64, right: f64, function: impl Fn(f64) -> f64) -> f64 {
    // The abscissas and weights of the upper half: Abramowitz & Stegun, table 25.4.
    const RULE: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
    ];
    let (middle, half) = (f64::midpoint(left, right), (right - left) / 2.0);
    let weighted = |(at, weight): (f64, f64)| weight * (function(middle - half * at) + function(middle + half * at));
    half * RULE.into_iter().map(weighted).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-10, "{actual} instead of {expected}");
    }

    /// Miller's sum as it was published. It is slow, and loses digits when the counts are large.
    fn published(a: Tally, b: Tally) -> f64 {
        let factorials: Vec<f64> = (1..1000)
            .scan(0.0, |sum, number| {
                *sum += f64::ln(f64::from(number));
                Some(*sum)
            })
            .collect();
        let ln_gamma = |number: u32| if number < 3 { 0.0 } else { factorials[number as usize - 2] };
        let ln_beta = |one: u32, two: u32| ln_gamma(one) + ln_gamma(two) - ln_gamma(one + two);
        let (own, own_beta) = (b.failures() + 1, b.passes() + 1);
        let (other, other_beta) = (a.failures() + 1, a.passes() + 1);
        (0..other)
            .map(|i| {
                let logarithm = ln_beta(own + i, own_beta + other_beta)
                    - f64::ln(f64::from(other_beta + i))
                    - ln_beta(1 + i, other_beta)
                    - ln_beta(own, own_beta);
                logarithm.exp()
            })
            .sum()
    }

    #[test]
    fn always_against_never_matches_the_formula() {
        let mut ways = 2.0;
        for count in 0..200_u32 {
            // C(2m + 2, m + 1) from C(2m, m).
            if count > 0 {
                let next = f64::from(count) + 1.0;
                ways *= 2.0 * (2.0 * next - 1.0) / next;
            }
            let (always, never) = (Tally::new(count, count), Tally::new(count, 0));
            close(probability_that_greater(always, never), 1.0 - 1.0 / ways);
            let unlikely = probability_that_greater(never, always);
            assert!((unlikely * ways - 1.0).abs() < 1e-11, "{count}: {unlikely}");
        }
    }

    #[test]
    fn equal_counts_give_one_half() {
        for (runs, failures) in
            [(0, 0), (1, 1), (59, 0), (100, 37), (100_000, 50_000), (u32::MAX, 77), (u32::MAX, u32::MAX)]
        {
            let tally = Tally::new(runs, failures);
            close(probability_that_greater(tally, tally), 0.5);
        }
    }

    #[test]
    fn probability_of_lead_matches_reference_values() {
        for ((a_runs, a_failures), (b_runs, b_failures), lead, expected) in LEADS {
            let actual = probability_of_lead(Tally::new(a_runs, a_failures), Tally::new(b_runs, b_failures), lead);
            close(actual, expected);
        }
    }

    fn tallies(most: u32) -> impl Strategy<Value = Tally> {
        (0..=most).prop_flat_map(|runs| (Just(runs), 0..=runs)).prop_map(|(runs, failures)| Tally::new(runs, failures))
    }

    proptest! {
        #[test]
        fn tail_matches_the_published_sum(a in tallies(200), b in tallies(200)) {
            prop_assert!((probability_that_greater(a, b) - published(a, b)).abs() < 1e-10);
        }

        #[test]
        fn closed_form_matches_the_integral(a in tallies(2000), b in tallies(200)) {
            let (closed, integrated) = (probability_that_greater(a, b), probability_of_lead(a, b, 0.0));
            prop_assert!((closed - integrated).abs() < 1e-9, "{closed} {integrated}");
        }

        #[test]
        fn probabilities_of_both_directions_sum_to_one(a in tallies(100_000), b in tallies(100_000)) {
            let sum = probability_that_greater(a, b) + probability_that_greater(b, a);
            prop_assert!((sum - 1.0).abs() < 1e-10, "{sum}");
        }

        #[test]
        fn swapping_failures_and_passes_swaps_the_rates(a in tallies(5000), b in tallies(5000)) {
            let mirrored = |tally: Tally| Tally::new(tally.runs(), tally.passes());
            let (one, other) = (probability_that_greater(a, b), probability_that_greater(mirrored(b), mirrored(a)));
            prop_assert!((one - other).abs() < 1e-10);
        }

        #[test]
        fn additional_failure_raises_the_probability(a in tallies(5000), b in tallies(5000)) {
            let before = probability_that_greater(a, b);
            prop_assert!(probability_that_greater(a.add(Tally::new(1, 1)), b) >= before - 1e-12);
            prop_assert!(probability_that_greater(a.add(Tally::new(1, 0)), b) <= before + 1e-12);
        }

        #[test]
        fn larger_lead_is_less_likely(a in tallies(300), b in tallies(300), lead in 0.0..0.9) {
            let (small, large) = (probability_of_lead(a, b, lead), probability_of_lead(a, b, lead + 0.1));
            prop_assert!(small >= large - 1e-12);
            prop_assert!(small <= probability_that_greater(a, b) + 1e-9);
        }
    }

    type Lead = ((u32, u32), (u32, u32), f64, f64);

    /// The runs and failures of both tallies, the lead, and its probability.
    const LEADS: [Lead; 5] = [
        ((0, 0), (0, 0), 0.2, 0.32),
        ((10, 0), (10, 0), 0.2, 0.037_953_481_574_647_93),
        ((3, 3), (3, 0), 0.2, 0.939_140_242_285_714_3),
        ((40, 20), (50, 10), 0.2, 0.824_381_127_375_733_5),
        ((5, 1), (80, 60), 0.1, 0.000_979_398_056_719_746_2),
    ];
}
