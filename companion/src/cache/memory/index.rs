//! Nearest neighbours among the vectors of one scope: a plain list while they are few, then graphs (HNSW).
//!
//! `hnsw_rs` cannot forget a vector, so a graph has a bounded size, forgotten vectors are skipped, and a graph that holds
//! little else is dissolved. That bounds what any one call costs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use anndists::dist::DistL2;
use hnsw_rs::prelude::Hnsw;

/// So many vectors are compared one by one faster than a graph is kept.
const LIST: usize = 512;

/// Most vectors of a graph.
const GRAPH: usize = 4096;

/// Candidates that a graph gives: the nearest ones may not mean the same.
const CANDIDATES: usize = 8;

/// Links of a vector, and how widely they are looked for; the library's documentation has these as usual values.
const LINKS: usize = 16;
const BREADTH: usize = 100;
const LAYERS: usize = 8;

/// The vectors of one scope; all of the same length, which for each is 1.
#[derive(Debug, Default)]
pub(super) struct Index {
    list: HashMap<usize, Arc<[f32]>>,
    graphs: Vec<Graph>,
}

struct Graph {
    graph: Hnsw<'static, f32, DistL2>,
    live: HashMap<usize, Arc<[f32]>>,
    /// Those forgotten too.
    all: usize,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} of {})", self.live.len(), self.all)
    }
}

impl Index {
    pub(super) fn insert(&mut self, id: usize, vector: Arc<[f32]>) {
        self.list.insert(id, vector);
        if self.list.len() > LIST {
            let list = std::mem::take(&mut self.list);
            self.graph().extend(list);
        }
    }

    pub(super) fn remove(&mut self, id: usize) {
        if self.list.remove(&id).is_some() {
            return;
        }
        let Some(place) = self.graphs.iter().position(|graph| graph.live.contains_key(&id)) else {
            return;
        };
        let hollow = self.graphs.get_mut(place).is_some_and(|graph| {
            graph.live.remove(&id);
            graph.live.len() * 4 < graph.all
        });
        if hollow {
            let Graph { live, .. } = self.graphs.swap_remove(place);
            if self.list.len() + live.len() <= LIST {
                self.list.extend(live);
            } else {
                self.graph().extend(live);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.graphs.iter().all(|graph| graph.live.is_empty())
    }

    /// All of the list, and the nearest of each graph.
    pub(super) fn candidates(&self, vector: &[f32]) -> Vec<usize> {
        let mut found: Vec<usize> = self.list.keys().copied().collect();
        for Graph { graph, live, .. } in &self.graphs {
            let wanted = |id: &usize| live.contains_key(id);
            let near = graph.search_filter(vector, CANDIDATES, BREADTH, Some(&wanted));
            found.extend(near.iter().map(|neighbour| neighbour.d_id));
        }
        found
    }

    /// The last graph, or a new one where it is full.
    fn graph(&mut self) -> &mut Graph {
        let last = self.graphs.iter().rposition(|graph| graph.all + LIST < GRAPH);
        let place = last.unwrap_or_else(|| {
            self.graphs.push(Graph {
                graph: Hnsw::new(LINKS, GRAPH, LAYERS, BREADTH, DistL2),
                live: HashMap::new(),
                all: 0,
            });
            self.graphs.len() - 1
        });
        // The place is that of a graph that was found or pushed.
        #[allow(clippy::indexing_slicing)]
        &mut self.graphs[place]
    }
}

impl Graph {
    fn extend(&mut self, vectors: HashMap<usize, Arc<[f32]>>) {
        for (id, vector) in vectors {
            self.graph.insert((&vector, id));
            self.live.insert(id, vector);
            self.all += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direction of its own for each id.
    fn vector(id: usize) -> Arc<[f32]> {
        let mut state = id as u64 * 2_654_435_761 + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut vector: Vec<f32> = (0..16).map(|_| next()).collect();
        crate::engine::normalise(&mut vector);
        vector.into()
    }

    fn index(size: usize) -> Index {
        let mut index = Index::default();
        (0..size).for_each(|id| index.insert(id, vector(id)));
        index
    }

    #[test]
    fn vectors_are_found_in_lists_and_in_graphs() {
        for size in [10, LIST + 1] {
            let index = index(size);
            let missed = (0..size).filter(|id| !index.candidates(&vector(*id)).contains(id));
            assert!(missed.count() * 100 <= size, "of {size}");
        }
    }

    #[test]
    fn what_was_removed_is_never_found() {
        let mut index = index(600);
        (0..600).filter(|id| id % 3 == 0).for_each(|id| index.remove(id));
        for id in (0..600).step_by(3) {
            assert!(index.candidates(&vector(id)).iter().all(|found| found % 3 != 0));
        }
    }

    #[test]
    fn a_graph_of_forgotten_vectors_is_dissolved() {
        let mut index = index(600);
        assert!(!index.graphs.is_empty());
        (0..590).for_each(|id| index.remove(id));
        assert!(index.graphs.is_empty(), "{index:?}");
        assert!(index.candidates(&vector(595)).contains(&595));
        (590..600).for_each(|id| index.remove(id));
        assert!(index.is_empty());
    }
}
