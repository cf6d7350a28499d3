//! Whether one failure rate is greater than another, and by how much, given counts of both.

use super::beta::Beta;
use super::binomial;
use super::tally::Tally;

/// The probability that `a`'s failure rate is greater than `b`'s, if every rate was equally likely before.
///
/// Exact. The closed-form sums for beta distributions with whole parameters (Cook: "Exact calculation of beta
/// inequalities", 2005; Miller: "Formulas for Bayesian A/B testing", 2015) are the tail of a hypergeometric
/// distribution (Altham: "Exact Bayesian analysis of a 2×2 contingency table, and Fisher's 'exact' significance test",
/// Journal of the Royal Statistical Society B 31, 1969). The reason fits into a sentence: the posterior rates are order
/// statistics of `runs + 1` uniform numbers each, and which of the two comes first is decided by how many of the first
/// `failures(a) + failures(b) + 1` numbers are `a`'s.
///
/// After `m` failures in `m` runs against none in `m` it is `1 − 1/C(2m + 2, m + 1)`; without any run it is one half.
/// It takes time in proportion to the square root of the counts.
#[must_use]
pub(crate) fn probability_that_greater(a: Tally, b: Tally) -> f64 {
    let own = f64::from(a.runs()) + 1.0;
    let other = f64::from(b.runs()) + 1.0;
    let drawn = f64::from(a.failures()) + f64::from(b.failures()) + 1.0;
    let most = f64::from(a.failures());
    // The tail that does not contain the mode is summed: its terms only become smaller.
    if most < drawn * own / (own + other) {
        tail(most, drawn, own, other)
    } else {
        1.0 - tail(drawn - most - 1.0, drawn, other, own)
    }
}

/// The probability that at most `most` of `drawn` numbers are from the `own` ones and not from the `other` ones.
///
/// The first term is made of three binomial ones, whose common chance cancels (as in R's `dhyper`).
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

/// The probability that `a`'s failure rate is greater than `b`'s by at least `lead`, from 0 to 1, if every rate was
/// equally likely before.
///
/// There is no closed form of this. It is integrated over the narrower of the two posterior distributions, because the
/// other one is smooth where this one is not zero; accurate to 1e-9.
#[must_use]
pub(super) fn probability_of_lead(a: Tally, b: Tally, lead: f64) -> f64 {
    let (ahead, behind) = (Beta::posterior(a), Beta::posterior(b));
    if behind.standard_deviation() <= ahead.standard_deviation() {
        lead_over(ahead, behind, lead)
    } else {
        // a − b is (1 − b) − (1 − a), whose second part is now the narrower one.
        lead_over(behind.mirrored(), ahead.mirrored(), lead)
    }
}

/// The integral over the narrower distribution of the probability that the other one is that much farther.
fn lead_over(ahead: Beta, narrower: Beta, lead: f64) -> f64 {
    // The flattest tail is that of Beta(1, n), nearly an exponential function: e⁻⁴⁰ of it is left out.
    const REACH: f64 = 40.0;
    let panel = narrower.standard_deviation();
    let from = (narrower.mean() - REACH * panel).max(0.0);
    let to = (narrower.mean() + REACH * panel).min(1.0 - lead);
    let mut sum = 0.0;
    let mut left = from;
    while left < to {
        let right = (left + panel).min(to);
        sum += integral(left, right, |point| {
            let density = narrower.density(point);
            // Far from the mean, the expensive factor does not matter.
            if density * panel < 1e-18 { 0.0 } else { density * ahead.above(point + lead) }
        });
        left = right;
    }
    sum.clamp(0.0, 1.0)
}

/// The integral between two points, by the rule of Gauss & Legendre with eight points.
fn integral(left: f64, right: f64, function: impl Fn(f64) -> f64) -> f64 {
    // Abscissas and weights of the half above the middle: Abramowitz & Stegun, table 25.4.
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

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-10, "{found} instead of {expected}");
    }

    /// Miller's sum, written down as it is published; it is slow and loses digits when counts are large.
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
    fn always_against_never_has_a_formula() {
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
    fn equal_counts_say_nothing() {
        for (runs, failures) in
            [(0, 0), (1, 1), (59, 0), (100, 37), (100_000, 50_000), (u32::MAX, 77), (u32::MAX, u32::MAX)]
        {
            let tally = Tally::new(runs, failures);
            close(probability_that_greater(tally, tally), 0.5);
        }
    }

    #[test]
    fn leads_are_those_of_an_integration_with_many_digits() {
        for ((a_runs, a_failures), (b_runs, b_failures), lead, expected) in LEADS {
            let found = probability_of_lead(Tally::new(a_runs, a_failures), Tally::new(b_runs, b_failures), lead);
            close(found, expected);
        }
    }

    fn tallies(most: u32) -> impl Strategy<Value = Tally> {
        (0..=most).prop_flat_map(|runs| (Just(runs), 0..=runs)).prop_map(|(runs, failures)| Tally::new(runs, failures))
    }

    proptest! {
        #[test]
        fn the_tail_is_the_published_sum(a in tallies(200), b in tallies(200)) {
            prop_assert!((probability_that_greater(a, b) - published(a, b)).abs() < 1e-10);
        }

        #[test]
        fn the_closed_form_is_the_integral(a in tallies(2000), b in tallies(200)) {
            let (closed, integrated) = (probability_that_greater(a, b), probability_of_lead(a, b, 0.0));
            prop_assert!((closed - integrated).abs() < 1e-9, "{closed} {integrated}");
        }

        #[test]
        fn one_of_them_is_greater(a in tallies(100_000), b in tallies(100_000)) {
            let sum = probability_that_greater(a, b) + probability_that_greater(b, a);
            prop_assert!((sum - 1.0).abs() < 1e-10, "{sum}");
        }

        #[test]
        fn failures_of_one_are_passes_of_the_other(a in tallies(5000), b in tallies(5000)) {
            let mirrored = |tally: Tally| Tally::new(tally.runs(), tally.passes());
            let (one, other) = (probability_that_greater(a, b), probability_that_greater(mirrored(b), mirrored(a)));
            prop_assert!((one - other).abs() < 1e-10);
        }

        #[test]
        fn a_failure_speaks_for_the_one_that_has_it(a in tallies(5000), b in tallies(5000)) {
            let before = probability_that_greater(a, b);
            prop_assert!(probability_that_greater(a.add(Tally::new(1, 1)), b) >= before - 1e-12);
            prop_assert!(probability_that_greater(a.add(Tally::new(1, 0)), b) <= before + 1e-12);
        }

        #[test]
        fn a_greater_lead_is_less_likely(a in tallies(300), b in tallies(300), lead in 0.0..0.9) {
            let (small, large) = (probability_of_lead(a, b, lead), probability_of_lead(a, b, lead + 0.1));
            prop_assert!(small >= large - 1e-12);
            prop_assert!(small <= probability_that_greater(a, b) + 1e-9);
        }
    }

    type Lead = ((u32, u32), (u32, u32), f64, f64);

    /// Runs and failures of both, the lead, and its probability.
    const LEADS: [Lead; 5] = [
        ((0, 0), (0, 0), 0.2, 0.32),
        ((10, 0), (10, 0), 0.2, 0.037_953_481_574_647_93),
        ((3, 3), (3, 0), 0.2, 0.939_140_242_285_714_3),
        ((40, 20), (50, 10), 0.2, 0.824_381_127_375_733_5),
        ((5, 1), (80, 60), 0.1, 0.000_979_398_056_719_746_2),
    ];
}
