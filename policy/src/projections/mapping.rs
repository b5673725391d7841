//! `routing.projections.mappings`: from a score to named bands.

/// The bands of one score.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// An index into the scores.
    pub(crate) source: usize,
    pub(crate) emits: Emits,
    /// How fast confidence grows with the distance from the edge of a band.
    pub(crate) slope: f64,
    pub(crate) bands: Vec<Band>,
}

/// Which of the bands that hold a score match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emits {
    First,
    All,
}

/// A range of scores.
#[derive(Debug, Default)]
pub(crate) struct Band {
    pub(crate) name: String,
    pub(crate) lower: Option<Edge>,
    pub(crate) upper: Option<Edge>,
}

/// One end of a band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) at: f64,
    pub(crate) inclusive: bool,
}

impl Mapping {
    /// The confidence of a band, None where it does not match.
    pub(crate) fn confidence(&self, band: usize, score: f64) -> Option<f32> {
        self.exact(band, score).map(|confidence| confidence as f32)
    }

    /// 1 / (1 + e^(-slope d)), where d is the distance from the nearest edge, as VSR does.
    pub(crate) fn exact(&self, band: usize, score: f64) -> Option<f64> {
        let found = self.bands.get(band)?;
        let first = self.bands.iter().position(|band| band.holds(score));
        let matches = match self.emits {
            Emits::First => first == Some(band),
            Emits::All => found.holds(score),
        };
        matches.then(|| 1.0 / (1.0 + (-self.slope * found.distance(score)).exp()))
    }
}

impl Band {
    fn holds(&self, score: f64) -> bool {
        let above = |edge: Edge| score > edge.at || (edge.inclusive && score == edge.at);
        let below = |edge: Edge| score < edge.at || (edge.inclusive && score == edge.at);
        self.lower.is_none_or(above) && self.upper.is_none_or(below)
    }

    fn distance(&self, score: f64) -> f64 {
        let edges = [self.lower, self.upper].into_iter().flatten();
        edges
            .map(|edge| (score - edge.at).abs())
            .reduce(f64::min)
            .unwrap_or(1.0)
    }

    /// Whether scores of `low..=high` can be in the band.
    pub(crate) fn reaches(&self, low: f64, high: f64) -> bool {
        self.lower.is_none_or(|edge| high >= edge.at) && self.upper.is_none_or(|edge| low <= edge.at)
    }
}
