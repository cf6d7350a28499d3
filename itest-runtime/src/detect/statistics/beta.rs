//! The beta distribution with whole parameters: the posterior distribution of a rate.

use super::binomial;
use super::tally::Tally;

/// A probability, and the side of a point on which it lies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tail {
    /// This probability lies below the point.
    Below(f64),
    /// This probability lies above the point.
    Above(f64),
}

/// A beta distribution; both parameters are whole numbers of at least 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beta {
    alpha: f64,
    beta: f64,
}

impl Beta {
    /// Creates a distribution. Parameters below 1 are raised to 1.
    pub(super) fn new(alpha: f64, beta: f64) -> Self {
        Self { alpha: alpha.max(1.0), beta: beta.max(1.0) }
    }

    /// The posterior distribution of the failure rate after these runs. The prior is uniform, which is Beta(1, 1), and
    /// the beta distribution is conjugate to the binomial one (Bayes 1763; Raiffa & Schlaifer 1961).
    pub(super) fn posterior(tally: Tally) -> Self {
        Self::new(f64::from(tally.failures()) + 1.0, f64::from(tally.passes()) + 1.0)
    }

    /// The distribution of `1 − x`.
    pub(super) fn mirrored(self) -> Self {
        Self { alpha: self.beta, beta: self.alpha }
    }

    pub(super) fn mean(self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    pub(super) fn standard_deviation(self) -> f64 {
        let total = self.alpha + self.beta;
        (self.alpha / total * (self.beta / total) / (total + 1.0)).sqrt()
    }

    pub(super) fn density(self, point: f64) -> f64 {
        let trials = self.alpha + self.beta - 2.0;
        (trials + 1.0) * binomial::probability(self.alpha - 1.0, trials, point, 1.0 - point)
    }

    /// The probability below a point: the regularized incomplete beta function.
    pub(super) fn below(self, point: f64) -> f64 {
        if point <= 0.0 {
            return 0.0;
        }
        if point >= 1.0 {
            return 1.0;
        }
        // The continued fraction converges fast up to about the mean. Above it, the fraction of the mirrored
        // distribution is used.
        if point < (self.alpha + 1.0) / (self.alpha + self.beta + 2.0) {
            self.lower_tail(point)
        } else {
            1.0 - self.mirrored().lower_tail(1.0 - point)
        }
    }

    /// The probability above a point.
    pub(super) fn above(self, point: f64) -> f64 {
        self.mirrored().below(1.0 - point)
    }

    /// The quantile: the point with this probability on the given side, accurate to about thirteen digits.
    ///
    /// Newton's method, starting at the mean. Each step is kept between the bounds that earlier steps have proven. A
    /// step that would leave the bounds is replaced by their middle.
    pub(super) fn point(self, tail: Tail) -> f64 {
        // Bisection alone takes about fifty steps, except for tiny points.
        const STEPS: u32 = 200;
        let (mut low, mut high) = (0.0, 1.0);
        let mut point = self.mean();
        for _ in 0..STEPS {
            let excess = match tail {
                Tail::Below(probability) => self.below(point) - probability,
                Tail::Above(probability) => probability - self.above(point),
            };
            if excess > 0.0 {
                high = point;
            } else {
                low = point;
            }
            let newton = point - excess / self.density(point);
            let next = if newton >= low && newton <= high { newton } else { f64::midpoint(low, high) };
            let step = (next - point).abs();
            point = next;
            if step <= 1e-13 * point {
                break;
            }
        }
        point
    }

    /// `xᵃ(1 − x)ᵇ / (a·B(a, b))` times the continued fraction of DLMF 8.17.22, for points below about the mean.
    fn lower_tail(self, point: f64) -> f64 {
        let Self { alpha, beta } = self;
        let total = alpha + beta;
        let front = beta / total * binomial::probability(alpha, total, point, 1.0 - point);
        if front > 0.0 { front * self.fraction(point) } else { 0.0 }
    }

    /// Evaluates the continued fraction by Lentz's method as modified by Thompson & Barnett (Journal of Computational
    /// Physics 64, 1986).
    fn fraction(self, point: f64) -> f64 {
        // The number of steps is proportional to the square root of the larger parameter; this limit is sufficient for
        // 2^32 runs.
        const STEPS: u32 = 1_000_000;
        let Self { alpha, beta } = self;
        let mut numerator = 1.0;
        let mut denominator = 1.0 / away_from_zero(1.0 - (alpha + beta) * point / (alpha + 1.0));
        let mut value = denominator;
        for step in 1..STEPS {
            let step = f64::from(step);
            let place = alpha + 2.0 * step;
            let even = step * (beta - step) * point / ((place - 1.0) * place);
            let odd = -(alpha + step) * (alpha + beta + step) * point / (place * (place + 1.0));
            let mut change = 1.0;
            for coefficient in [even, odd] {
                denominator = 1.0 / away_from_zero(1.0 + coefficient * denominator);
                numerator = away_from_zero(1.0 + coefficient / numerator);
                change = numerator * denominator;
                value *= change;
            }
            if (change - 1.0).abs() < 1e-15 {
                break;
            }
        }
        value
    }
}

/// Replaces a value close to zero with a tiny number, because Lentz's method divides by it.
fn away_from_zero(value: f64) -> f64 {
    const TINY: f64 = 1e-300;
    if value.abs() < TINY { TINY } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn simple_distributions_match_their_formulas() {
        for point in [0.0, 0.001, 0.2, 0.5, 0.77, 0.999, 1.0_f64] {
            let close = |actual: f64, expected: f64| assert!((actual - expected).abs() < 1e-14, "{actual} {expected}");
            close(Beta::new(1.0, 1.0).below(point), point);
            close(Beta::new(7.0, 1.0).below(point), point.powi(7));
            close(Beta::new(1.0, 7.0).above(point), (1.0 - point).powi(7));
            close(Beta::new(2.0, 2.0).below(point), point * point * (3.0 - 2.0 * point));
            close(Beta::new(2.0, 2.0).density(point), 6.0 * point * (1.0 - point));
        }
    }

    #[test]
    fn incomplete_beta_function_matches_reference_values() {
        // Reference values, computed with fifty digits.
        for (alpha, beta, point, expected) in REFERENCE {
            let actual = Beta::new(alpha, beta).below(point);
            assert!((actual / expected - 1.0).abs() < 1e-10, "I({point}; {alpha}, {beta}) = {actual}");
        }
    }

    proptest! {
        #[test]
        fn quantile_has_its_probability_on_the_given_side(
            alpha in 1_u32..5000,
            beta in 1_u32..5000,
            probability in 1e-6..0.999,
        ) {
            let distribution = Beta::new(f64::from(alpha), f64::from(beta));
            let below = distribution.below(distribution.point(Tail::Below(probability)));
            prop_assert!((below - probability).abs() < 1e-10, "{below}");
            let above = distribution.above(distribution.point(Tail::Above(probability)));
            prop_assert!((above - probability).abs() < 1e-10, "{above}");
        }

        #[test]
        fn probabilities_below_and_above_sum_to_one(alpha in 1_u32..100_000, beta in 1_u32..100_000, point in 0.0..1.0) {
            let distribution = Beta::new(f64::from(alpha), f64::from(beta));
            prop_assert!((distribution.below(point) + distribution.above(point) - 1.0).abs() < 1e-12);
        }
    }

    const REFERENCE: [(f64, f64, f64, f64); 5] = [
        (3.0, 7.0, 0.25, 0.399_322_509_765_625),
        (50.0, 51.0, 0.4, 0.027_099_197_757_009_034),
        (500.0, 99_501.0, 0.0045, 0.010_567_839_606_511_222),
        (50_000.0, 50_001.0, 0.498, 0.103_518_118_460_598_02),
        (2.0, 100_000.0, 1e-6, 0.004_678_889_926_534_394),
    ];
}
