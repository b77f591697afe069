//! Minimizing a smooth convex function with its gradient: L-BFGS.
//!
//! The two-loop recursion is Nocedal's (Nocedal and Wright, Numerical
//! Optimization, 2nd ed., algorithm 7.4); the step length satisfies the weak
//! Wolfe conditions, found by bisection (Lewis and Overton, 2013, algorithm 2.6).

use std::collections::VecDeque;

use crate::matrix::{add_scaled, dot};

/// Pairs of steps and gradient changes that approximate the curvature.
const MEMORY: usize = 10;

/// Sufficient decrease and curvature: the usual constants of the Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Trials of a step length; 2^-40 of the first one is no step.
const LINE_TRIALS_MAX: usize = 40;

/// When to stop.
pub(crate) struct Stop {
    pub(crate) iterations_max: usize,
    /// The largest entry of the gradient at which the point counts as the minimum.
    pub(crate) gradient_max: f64,
}

/// Where the search ended.
pub(crate) struct Minimum {
    pub(crate) point: Vec<f64>,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Searches from `start`. `function` gives the value and writes the gradient;
/// `report` is called with the iteration's number and the new value.
pub(crate) fn minimize(
    start: Vec<f64>,
    stop: &Stop,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut report: impl FnMut(usize, f64),
) -> Minimum {
    let mut here = Place::at(start, &mut function);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    for iteration in 1..=stop.iterations_max {
        if here.is_flat(stop) {
            return Minimum {
                point: here.point,
                iterations: iteration - 1,
                converged: true,
            };
        }
        let direction = descent(&here.gradient, &memory);
        let first = if memory.is_empty() {
            1.0 / norm(&direction).max(1.0)
        } else {
            1.0
        };
        let Some(next) = line_search(&here, &direction, first, &mut function) else {
            // Rounding leaves no lower point along the best direction: forget the
            // curvature once, then this is as low as it gets.
            if memory.is_empty() {
                return Minimum {
                    point: here.point,
                    iterations: iteration - 1,
                    converged: true,
                };
            }
            memory.clear();
            continue;
        };
        if let Some(pair) = Pair::between(&here, &next) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back(pair);
        }
        here = next;
        report(iteration, here.value);
    }
    let converged = here.is_flat(stop);
    Minimum {
        point: here.point,
        iterations: stop.iterations_max,
        converged,
    }
}

/// A point with the function's value and gradient.
struct Place {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

impl Place {
    fn at(point: Vec<f64>, function: &mut impl FnMut(&[f64], &mut [f64]) -> f64) -> Place {
        let mut gradient = vec![0.0; point.len()];
        let value = function(&point, &mut gradient);
        Place {
            point,
            value,
            gradient,
        }
    }

    fn is_flat(&self, stop: &Stop) -> bool {
        self.gradient
            .iter()
            .all(|entry| entry.abs() <= stop.gradient_max)
    }
}

/// A step and how the gradient changed along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

impl Pair {
    /// `None` where rounding hides the curvature.
    fn between(from: &Place, to: &Place) -> Option<Pair> {
        let difference = |to: &[f64], from: &[f64]| -> Vec<f64> {
            to.iter().zip(from).map(|(to, from)| to - from).collect()
        };
        let step = difference(&to.point, &from.point);
        let change = difference(&to.gradient, &from.gradient);
        let product = dot(&step, &change);
        (product > f64::EPSILON * dot(&change, &change)).then(|| Pair {
            step,
            change,
            inverse: 1.0 / product,
        })
    }
}

/// The direction in which the function falls: minus the approximate inverse of
/// the second derivatives times the gradient.
fn descent(gradient: &[f64], memory: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let factor = pair.inverse * dot(&pair.step, &direction);
        add_scaled(&mut direction, -factor, &pair.change);
        factors.push(factor);
    }
    if let Some(last) = memory.back() {
        let scale = 1.0 / (last.inverse * dot(&last.change, &last.change));
        for entry in &mut direction {
            *entry *= scale;
        }
    }
    for (pair, factor) in memory.iter().zip(factors.into_iter().rev()) {
        let correction = pair.inverse * dot(&pair.change, &direction);
        add_scaled(&mut direction, factor - correction, &pair.step);
    }
    direction
}

fn line_search(
    here: &Place,
    direction: &[f64],
    first: f64,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<Place> {
    let slope = dot(&here.gradient, direction);
    if slope.is_nan() || slope >= 0.0 {
        return None;
    }
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    let mut lower = None;
    for _ in 0..LINE_TRIALS_MAX {
        let mut point = here.point.clone();
        add_scaled(&mut point, length, direction);
        let next = Place::at(point, function);
        let falls = next.value <= here.value + DECREASE * length * slope;
        if !falls {
            high = length;
        } else if dot(&next.gradient, direction) < CURVATURE * slope {
            low = length;
            lower = Some(next);
        } else {
            return Some(next);
        }
        length = if high.is_finite() {
            f64::midpoint(low, high)
        } else {
            2.0 * low
        };
    }
    lower
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ill_conditioned_quadratic_is_minimized() {
        // f(x) = sum of 10^i (x_i - i)^2.
        let function = |x: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (at, x) in x.iter().enumerate() {
                let steep = 10.0_f64.powi(at as i32);
                let off = x - at as f64;
                value += steep * off * off;
                gradient[at] = 2.0 * steep * off;
            }
            value
        };
        let stop = Stop {
            iterations_max: 200,
            gradient_max: 1e-9,
        };
        let mut reported = 0;
        let minimum = minimize(vec![5.0; 5], &stop, function, |_, _| reported += 1);
        assert!(minimum.converged);
        assert_eq!(minimum.iterations, reported);
        assert!(
            minimum
                .point
                .iter()
                .enumerate()
                .all(|(at, x)| (x - at as f64).abs() < 1e-8)
        );
    }

    #[test]
    fn it_stops_when_it_may_not_go_on() {
        let function = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = -(-x[0]).exp();
            (-x[0]).exp()
        };
        let stop = Stop {
            iterations_max: 3,
            gradient_max: 0.0,
        };
        let minimum = minimize(vec![0.0], &stop, function, |_, _| ());
        assert!(!minimum.converged);
        assert_eq!(minimum.iterations, 3);
    }
}
