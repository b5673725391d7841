//! `routing.projections`: what is derived from signals, as VSR derives it.
//!
//! A partition leaves one of several signals. A score is a weighted sum of signals. A mapping turns a score into
//! named bands, which rules ask for by `type: projection`. A score is computed when one of its bands is first
//! asked for, and once for a request.

mod mapping;
mod partition;
mod score;

use std::collections::BTreeMap;

pub(crate) use mapping::{Band, Edge, Emits, Mapping};
pub(crate) use partition::Partition;
pub(crate) use score::{Input, Score, Source};

use crate::signals::{Cost, Matched, Reading, SignalId, SignalKind};

/// A score that was computed for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionScore {
    /// The name it was declared with.
    pub name: String,
    /// The weighted sum.
    pub score: f32,
    /// The bands it is in, in the order of the document.
    pub bands: Vec<String>,
}

/// All that a document declares under `projections`. Scores refer to each other without a circle.
#[derive(Debug, Default)]
pub(crate) struct Projections {
    partitions: Vec<Partition>,
    scores: Vec<Score>,
    mappings: Vec<Mapping>,
    /// What rules can name, and where it is in `bands`.
    names: Vec<String>,
    bands: Vec<BandId>,
    index: BTreeMap<String, usize>,
}

/// One band of one mapping.
#[derive(Clone, Copy, Debug)]
struct BandId {
    mapping: usize,
    band: usize,
}

impl Projections {
    pub(crate) fn new(partitions: Vec<Partition>, scores: Vec<Score>, mappings: Vec<Mapping>) -> Projections {
        let mut projections = Projections {
            partitions,
            scores,
            mappings,
            ..Projections::default()
        };
        for (mapping, declared) in projections.mappings.iter().enumerate() {
            for (band, output) in declared.bands.iter().enumerate() {
                projections
                    .index
                    .insert(output.name.clone(), projections.bands.len());
                projections.names.push(output.name.clone());
                projections.bands.push(BandId { mapping, band });
            }
        }
        projections
    }

    /// The names of the bands, which rules use.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The band of this name, as a signal. It costs what the dearest input of its score does.
    pub(crate) fn find(&self, name: &str) -> Option<SignalId> {
        let index = *self.index.get(name)?;
        let (mapping, _) = self.band(index)?;
        Some(SignalId {
            kind: SignalKind::Projection,
            index,
            cost: self
                .scores
                .get(mapping.source)
                .map_or(Cost::Rule, |score| score.cost),
        })
    }

    fn band(&self, index: usize) -> Option<(&Mapping, usize)> {
        let id = self.bands.get(index)?;
        Some((self.mappings.get(id.mapping)?, id.band))
    }

    /// Leaves one of the members of each partition of `kind`. Returns the signals that match by default alone:
    /// they have confidence 0 here, so that any true match beats them.
    pub(crate) fn partition(&self, kind: SignalKind, confidences: &mut [Option<f32>]) -> Vec<usize> {
        let of_kind = self.partitions.iter().filter(|partition| partition.kind == kind);
        of_kind
            .filter_map(|partition| partition.choose(confidences))
            .collect()
    }

    /// The confidence of a band, None when its score is not in it.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn confidence(&self, index: usize, reading: &mut Reading<'_>) -> Result<Option<f32>, String> {
        let Some((mapping, band)) = self.band(index) else {
            return Ok(None);
        };
        let reaches = |low, high| {
            mapping
                .bands
                .get(band)
                .is_some_and(|band| band.reaches(low, high))
        };
        let score = self.score(mapping.source, &reaches, reading)?;
        Ok(score.and_then(|score| mapping.confidence(band, score)))
    }

    /// A score; None once whatever inputs are left cannot bring it to where `reaches` holds.
    ///
    /// # Errors
    /// What the scorer says.
    fn score(
        &self,
        index: usize,
        reaches: &dyn Fn(f64, f64) -> bool,
        reading: &mut Reading<'_>,
    ) -> Result<Option<f64>, String> {
        if let Some(known) = reading.projected(index) {
            return Ok(Some(known));
        }
        let Some(score) = self.scores.get(index) else {
            return Ok(None);
        };
        let mut parts = vec![0.0; score.inputs.len()];
        let (mut low, mut high) = score.range();
        for (place, part) in score.cheapest_first(&mut parts) {
            if place.cost > Cost::Rule && !reaches(low - score.slack(), high + score.slack()) {
                return Ok(None);
            }
            *part = place.weight * self.value(&place.source, reading)?;
            low += *part - place.low;
            high += *part - place.high;
        }
        // In the order of the document, so that it rounds as VSR's does.
        let total = parts.iter().fold(0.0, |sum, part| sum + part);
        reading.set_projected(index, total);
        Ok(Some(total))
    }

    fn value(&self, source: &Source, reading: &mut Reading<'_>) -> Result<f64, String> {
        let always = |_, _| true;
        Ok(match source {
            Source::Binary { id, matched, miss } => match reading.confidence(*id)? {
                Some(_) => *matched,
                None => *miss,
            },
            Source::Confidence(id) => match reading.confidence(*id)? {
                Some(confidence) if confidence > 0.0 => confidence.into(),
                Some(_) => 1.0,
                None => 0.0,
            },
            Source::Metric { kb, metric } => reading.metric(kb, metric)?.map_or(0.0, f64::from),
            Source::Score(index) => self.score(*index, &always, reading)?.unwrap_or_default(),
            Source::Band { score, mapping, band } => {
                let score = self.score(*score, &always, reading)?.unwrap_or_default();
                let mapping = self.mappings.get(*mapping);
                mapping
                    .and_then(|mapping| mapping.exact(*band, score))
                    .unwrap_or_default()
            }
        })
    }

    /// What is to be said of scores that were computed; `computed` has them by index.
    pub(crate) fn scores(&self, computed: &BTreeMap<usize, f64>) -> Vec<ProjectionScore> {
        let scores = computed.iter().filter_map(|(index, value)| {
            let bands = self.bands_of(*index, *value).map(|(band, _)| band.name.clone());
            Some(ProjectionScore {
                name: self.scores.get(*index)?.name.clone(),
                score: *value as f32,
                bands: bands.collect(),
            })
        });
        scores.collect()
    }

    /// The bands that the scores which were computed are in.
    pub(crate) fn matched(&self, computed: &BTreeMap<usize, f64>) -> Vec<Matched> {
        let bands = computed
            .iter()
            .flat_map(|(index, value)| self.bands_of(*index, *value));
        let matched = bands.map(|(band, confidence)| Matched {
            kind: SignalKind::Projection,
            name: band.name.clone(),
            confidence,
        });
        matched.collect()
    }

    /// The bands that a score is in, with their confidences.
    fn bands_of(&self, score: usize, value: f64) -> impl Iterator<Item = (&Band, f32)> {
        let mappings = self
            .mappings
            .iter()
            .filter(move |mapping| mapping.source == score);
        mappings.flat_map(move |mapping| {
            let bands = mapping.bands.iter().enumerate();
            bands.filter_map(move |(place, band)| Some((band, mapping.confidence(place, value)?)))
        })
    }
}

#[cfg(test)]
mod tests;
