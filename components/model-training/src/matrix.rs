//! Sums over rows in a fixed order, and the factorization that ridge regression needs.

use std::ops::Range;

use crate::limits::{SUM_PART_ROWS_MIN, SUM_PARTS_MAX};

/// Ranges of rows whose sums are taken apart and then added in order. They
/// depend on the number of rows alone, never on the number of threads.
pub(crate) fn parts(rows: usize) -> Vec<Range<usize>> {
    let size = rows.div_ceil(SUM_PARTS_MAX).max(SUM_PART_ROWS_MIN);
    (0..rows)
        .step_by(size)
        .map(|begin| begin..(begin + size).min(rows))
        .collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `to += factor * from`.
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut()
        .zip(from)
        .for_each(|(to, from)| *to += factor * from);
}

/// A pivot below this share of its diagonal entry is rounding: the column is a
/// linear combination of those before it.
const PIVOT_MIN: f64 = 1e-11;

/// Solves `a x = b` for a symmetric positive definite matrix whose lower
/// triangle is given row-major, by Cholesky's factorization in place. `None` if
/// it is not positive definite.
pub(crate) fn solve_positive_definite(a: &mut [f64], b: &[f64]) -> Option<Vec<f64>> {
    let size = b.len();
    for row in 0..size {
        let (above, current) = a.split_at_mut(row * size);
        let current = &mut current[..size];
        let diagonal = current[row];
        for column in 0..row {
            let other = &above[column * size..column * size + size];
            let inner = dot(&current[..column], &other[..column]);
            current[column] = (current[column] - inner) / other[column];
        }
        let pivot = diagonal - dot(&current[..row], &current[..row]);
        if pivot.is_nan() || pivot <= PIVOT_MIN * diagonal {
            return None;
        }
        current[row] = pivot.sqrt();
    }
    let mut x = b.to_vec();
    for row in 0..size {
        let known = dot(&a[row * size..row * size + row], &x[..row]);
        x[row] = (x[row] - known) / a[row * size + row];
    }
    for row in (0..size).rev() {
        x[row] /= a[row * size + row];
        let value = x[row];
        add_scaled(&mut x[..row], -value, &a[row * size..row * size + row]);
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_rows_once_in_order() {
        for rows in [0, 1, 1_024, 1_025, 65_536, 65_537, 1_000_000] {
            let parts = parts(rows);
            assert!(parts.len() <= SUM_PARTS_MAX);
            let covered: Vec<usize> = parts.into_iter().flatten().collect();
            assert!(covered.into_iter().eq(0..rows));
        }
    }

    #[test]
    fn a_positive_definite_system_is_solved() {
        let mut a = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -2.0, 1.0, 6.0];
        let x = solve_positive_definite(&mut a, &[4.0, 15.0, 18.0]).unwrap();
        let full = [[4.0, 2.0, -2.0], [2.0, 5.0, 1.0], [-2.0, 1.0, 6.0]];
        let product: Vec<f64> = full.iter().map(|row| dot(row, &x)).collect();
        assert!(
            product
                .iter()
                .zip([4.0, 15.0, 18.0])
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }

    #[test]
    fn dependent_columns_have_no_solution() {
        let mut a = [1.0, 0.0, 2.0, 4.0];
        assert!(solve_positive_definite(&mut a, &[1.0, 2.0]).is_none());
    }
}
