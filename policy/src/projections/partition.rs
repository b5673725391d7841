//! `routing.projections.partitions`: of several signals, one.

use crate::signals::SignalKind;

/// Signals of one kind that exclude each other.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) kind: SignalKind,
    /// Which of the kind's signals; two or more.
    pub(crate) members: Vec<usize>,
    /// The member that matches when none does.
    pub(crate) default: usize,
    /// Of the softmax over the members that match; None where the winner keeps its own confidence.
    pub(crate) temperature: Option<f64>,
}

impl Partition {
    /// Leaves only the surest member, by `confidences` of the whole kind. Returns the default member when it
    /// matches for want of another, with confidence 0.
    pub(crate) fn choose(&self, confidences: &mut [Option<f32>]) -> Option<usize> {
        let matches = |confidences: &[Option<f32>], member: usize| confidences.get(member).copied().flatten();
        let contenders: Vec<_> = self
            .members
            .iter()
            .filter_map(|member| Some((*member, matches(confidences, *member)?)))
            .collect();
        let Some((mut winner, mut best)) = contenders.first().copied() else {
            *confidences.get_mut(self.default)? = Some(0.0);
            return Some(self.default);
        };
        if contenders.len() == 1 {
            return None;
        }
        for (member, confidence) in &contenders {
            if *confidence > best {
                (winner, best) = (*member, *confidence);
            }
        }
        for (member, _) in &contenders {
            if let Some(confidence) = confidences.get_mut(*member) {
                *confidence = (*member == winner).then(|| self.share(best, &contenders));
            }
        }
        None
    }

    /// The winner's part of the softmax.
    fn share(&self, best: f32, contenders: &[(usize, f32)]) -> f32 {
        let Some(temperature) = self.temperature else {
            return best;
        };
        let parts = contenders
            .iter()
            .map(|(_, confidence)| ((f64::from(*confidence) - f64::from(best)) / temperature).exp());
        (1.0 / parts.sum::<f64>()) as f32
    }
}
