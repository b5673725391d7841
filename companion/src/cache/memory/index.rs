//! Nearest neighbours among the vectors of one scope: a plain list while they are few, then graphs (HNSW).
//!
//! `hnsw_rs` cannot forget a vector: those forgotten are skipped, and a graph of which half is forgotten is emptied into
//! another, a few vectors with each one that comes, so that no call waits for many.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use anndists::dist::Distance;
use hnsw_rs::prelude::Hnsw;

/// So many vectors are compared one by one faster than a graph is kept.
const LIST: usize = 512;

/// Most vectors of a graph, forgotten ones too. A search takes about as long in a large graph as in a small one, so
/// that there should be few.
const GRAPH: usize = 131_072;

/// Vectors that are moved with each one that comes; more than one, so that moving ends.
const MOVED: usize = 4;

/// Candidates that a graph gives: the nearest ones may be forgotten, or not mean the same.
const CANDIDATES: usize = 16;

/// Links of a vector, and how widely they are looked for; the library's documentation has these as usual values.
const LINKS: usize = 16;
const BREADTH: usize = 100;
const LAYERS: usize = 12;

/// How widely a vector's neighbours are looked for in a look-up.
const SEARCHED: usize = 32;

/// The vectors of one scope; all of the same length, which for each is 1.
#[derive(Debug, Default)]
pub(super) struct Index {
    list: HashMap<usize, Arc<[f32]>>,
    graphs: Vec<Graph>,
}

struct Graph {
    graph: Hnsw<'static, f32, Apart>,
    live: HashMap<usize, Arc<[f32]>>,
    /// Those forgotten too.
    all: usize,
}

/// 1 - cosine. The library's own distances add one number after the other, and panic on NaN.
struct Apart;

impl Distance<f32> for Apart {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - super::dot(a, b)).max(0.0)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} of {})", self.live.len(), self.all)
    }
}

impl Index {
    pub(super) fn insert(&mut self, id: usize, vector: Arc<[f32]>) {
        self.list.insert(id, vector);
        let hollow = self.graphs.iter().position(Graph::is_hollow);
        let mut moved = hollow.map_or(Vec::new(), |place| self.empty(place));
        if self.list.len() > LIST {
            moved.extend(take(&mut self.list));
        }
        if !moved.is_empty() {
            self.graph().extend(moved);
        }
    }

    pub(super) fn remove(&mut self, id: usize) {
        if self.list.remove(&id).is_none() {
            self.graphs
                .iter_mut()
                .any(|graph| graph.live.remove(&id).is_some());
            self.graphs.retain(|graph| !graph.live.is_empty());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.graphs.is_empty()
    }

    /// All of the list, and the nearest of each graph.
    pub(super) fn candidates(&self, vector: &[f32]) -> Vec<usize> {
        let mut found: Vec<usize> = self.list.keys().copied().collect();
        for Graph { graph, live, .. } in &self.graphs {
            let near = graph.search(vector, CANDIDATES, SEARCHED);
            let near = near.iter().map(|neighbour| neighbour.d_id);
            found.extend(near.filter(|id| live.contains_key(id)));
        }
        found
    }

    /// A few vectors of a graph, which ends with the last.
    fn empty(&mut self, place: usize) -> Vec<(usize, Arc<[f32]>)> {
        let Some(graph) = self.graphs.get_mut(place) else {
            return Vec::new();
        };
        let moved = take(&mut graph.live);
        if graph.live.is_empty() {
            self.graphs.swap_remove(place);
        }
        moved
    }

    /// A graph with room that is not being emptied, or a new one.
    fn graph(&mut self) -> &mut Graph {
        let room = |graph: &Graph| graph.all + 2 * MOVED <= GRAPH && !graph.is_hollow();
        let place = self.graphs.iter().position(room).unwrap_or_else(|| {
            self.graphs.push(Graph {
                graph: Hnsw::new(LINKS, GRAPH, LAYERS, BREADTH, Apart),
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
    /// Whether half is forgotten: the nearest that a search finds would be too.
    fn is_hollow(&self) -> bool {
        self.live.len() * 2 < self.all
    }

    fn extend(&mut self, vectors: Vec<(usize, Arc<[f32]>)>) {
        for (id, vector) in vectors {
            self.graph.insert((&vector, id));
            self.live.insert(id, vector);
            self.all += 1;
        }
    }
}

/// Takes a few of them out.
fn take(vectors: &mut HashMap<usize, Arc<[f32]>>) -> Vec<(usize, Arc<[f32]>)> {
    let ids: Vec<usize> = vectors.keys().copied().take(MOVED).collect();
    let taken = ids.iter().map(|id| vectors.remove_entry(id));
    taken.flatten().collect()
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
        for size in [10, LIST * 3] {
            let index = index(size);
            let missed = (0..size).filter(|id| !index.candidates(&vector(*id)).contains(id));
            assert!(missed.count() * 100 <= size, "of {size}");
        }
    }

    #[test]
    fn what_was_removed_is_never_found() {
        let mut index = index(1600);
        (0..1600).filter(|id| id % 3 == 0).for_each(|id| index.remove(id));
        for id in (0..1600).step_by(3) {
            assert!(index.candidates(&vector(id)).iter().all(|found| found % 3 != 0));
        }
    }

    #[test]
    fn a_graph_of_forgotten_vectors_is_emptied_as_others_come() {
        let mut index = index(1600);
        assert_eq!(index.graphs.len(), 1, "{index:?}");
        (0..1500).for_each(|id| index.remove(id));
        (2000..2100).for_each(|id| index.insert(id, vector(id)));
        assert!(index.graphs.iter().all(|graph| !graph.is_hollow()), "{index:?}");
        for id in (1500..1600).chain(2000..2100) {
            assert!(index.candidates(&vector(id)).contains(&id), "{id}");
        }
        (1500..2100).for_each(|id| index.remove(id));
        assert!(index.is_empty());
    }
}
