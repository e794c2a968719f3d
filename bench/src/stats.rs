//! Medians, percentiles, and Welch's t.

/// The middle of some numbers; 0 of none.
pub fn median(numbers: &[f64]) -> f64 {
    percentile(numbers, 50.0)
}

/// The percentile of a sample.
pub fn percentile(numbers: &[f64], percent: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the list")]
    let index = rank as usize - 1;
    sorted.get(index).copied().unwrap_or(0.0)
}

/// The least and the most of some numbers.
pub fn range(numbers: &[f64]) -> (f64, f64) {
    let fold = |start, choose: fn(f64, f64) -> f64| numbers.iter().copied().fold(start, choose);
    (fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max))
}

/// The lower half: what is least disturbed by the rest of the machine.
pub fn lower_half(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(numbers.len() / 2);
    sorted
}

/// Welch's t: how far the means of two samples lie apart, in standard errors. 4.5 is the usual bound of leakage
/// tests (TVLA).
pub fn welch(one: &[f64], other: &[f64]) -> f64 {
    let (mean_one, error_one) = mean_and_error(one);
    let (mean_other, error_other) = mean_and_error(other);
    (mean_one - mean_other) / (error_one + error_other).sqrt()
}

/// The mean, and the square of its standard error.
fn mean_and_error(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_that_occurred() {
        let numbers: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((median(&numbers), percentile(&numbers, 99.0)), (50.0, 99.0));
        assert_eq!((percentile(&numbers, 100.0), median(&[])), (100.0, 0.0));
        assert_eq!(range(&numbers), (1.0, 100.0));
        assert_eq!(lower_half(&[3.0, 1.0, 2.0, 4.0]), [1.0, 2.0]);
    }

    /// The example of Welch's own test with unequal sizes and variances.
    #[test]
    fn welch_is_what_the_textbook_says() {
        let one = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
        let other =
            [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 32.0];
        assert!((welch(&one, &other) + 3.03).abs() < 0.5, "{}", welch(&one, &other));
        assert!(welch(&one, &one).abs() < 1e-9);
    }
}
