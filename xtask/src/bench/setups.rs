//! One thing of each compared setup, and medians.

use anyhow::Result;

use super::rig::Setup;

/// One of each setup.
#[derive(Debug)]
pub(super) struct PerSetup<T> {
    pub(super) no_filter: T,
    pub(super) filter: T,
    pub(super) ext_proc: T,
}

impl<T> PerSetup<T> {
    /// Makes them in the order in which setups take turns.
    pub(super) fn try_new(mut make: impl FnMut(Setup) -> Result<T>) -> Result<Self> {
        Ok(Self {
            no_filter: make(Setup::NoFilter)?,
            filter: make(Setup::Filter)?,
            ext_proc: make(Setup::ExtProc)?,
        })
    }

    pub(super) fn of(&self, setup: Setup) -> &T {
        match setup {
            Setup::NoFilter => &self.no_filter,
            Setup::Filter => &self.filter,
            Setup::ExtProc => &self.ext_proc,
        }
    }

    pub(super) fn each(&self, mut action: impl FnMut(&T) -> Result<()>) -> Result<()> {
        Setup::ALL
            .into_iter()
            .try_for_each(|setup| action(self.of(setup)))
    }
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN);
    (lower + upper) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }
}
