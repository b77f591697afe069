//! A small seeded generator for sampling rows and features.
//!
//! `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", OOPSLA 2014). It is spelled out here, rather than taken from a
//! crate, because a model must stay the same when a dependency is upgraded.

/// A stream of random numbers that is determined by what it was made from.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// A stream for `seed` and a path of counters (round, class, node ...), so
    /// that what one place draws never shifts what another draws.
    pub(crate) fn new(seed: u64, path: &[u64]) -> Random {
        let mut random = Random { state: seed };
        for part in path {
            random.state = random.next() ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03);
        }
        random
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which is above 0 and below 2^32. The high half
    /// of a product: its bias is below `bound` / 2^64.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// `count` of the numbers `0..total`, each at most once, in ascending order.
    /// Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S).
    pub(crate) fn sample(&mut self, total: usize, count: usize) -> Vec<u32> {
        let count = count.min(total);
        let mut chosen = Vec::with_capacity(count);
        for candidate in 0..total {
            if chosen.len() == count {
                break;
            }
            if self.below(total - candidate) < count - chosen.len() {
                chosen.push(candidate as u32);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_sample_has_the_asked_size_in_order_without_repeats() {
        for (total, count) in [(10, 0), (10, 3), (10, 10), (5, 9), (1_000, 500)] {
            let sample = Random::new(7, &[1]).sample(total, count);
            assert_eq!(sample.len(), count.min(total));
            assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn streams_differ_by_seed_and_path_and_repeat_otherwise() {
        let draw = |seed, path: &[u64]| Random::new(seed, path).sample(1_000, 20);
        assert_eq!(draw(1, &[2, 3]), draw(1, &[2, 3]));
        assert_ne!(draw(1, &[2, 3]), draw(2, &[2, 3]));
        assert_ne!(draw(1, &[2, 3]), draw(1, &[3, 2]));
    }
}
