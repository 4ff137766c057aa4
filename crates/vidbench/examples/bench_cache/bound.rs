//! The most seconds that any policy could save, even one that knows the whole future.
//!
//! With entries of different sizes, finding the optimum is NP-hard. This computes the linear relaxation, in which part
//! of an entry may be kept; it is an upper bound, so no policy can exceed it. Keeping an entry from one use to the next
//! occupies its bytes for that span and saves its seconds. So the bytes of the cache form a flow through time, along
//! such spans or idle beside them, and the flow of greatest profit saves the most. Berger, Beckmann and Harchol-Balter
//! 2018 (FOO) bound hit rates in this way; here spans are weighted by their seconds.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::trace::Trace;

/// An edge of the residual network; its reverse is the next one, or the one before.
struct Edge {
    to: usize,
    bytes: u64,
    /// Seconds saved by each byte along this edge, negated.
    cost: f64,
}

struct Network {
    edges: Vec<Edge>,
    from: Vec<Vec<usize>>,
}

impl Network {
    fn add(&mut self, from: usize, to: usize, bytes: u64, cost: f64) {
        self.from[from].push(self.edges.len());
        self.edges.push(Edge { to, bytes, cost });
        self.from[to].push(self.edges.len());
        self.edges.push(Edge { to: from, bytes: 0, cost: -cost });
    }
}

/// The bound in seconds, for a cache of `capacity` bytes.
pub(crate) fn most_saved_secs(trace: &Trace, capacity: u64) -> f64 {
    let mut network = network(trace, capacity);
    let nodes = network.from.len();
    let mut potential = first_potential(&network);
    let (mut left, mut saved) = (capacity, 0.0);
    while left > 0 && nodes > 1 {
        let (distance, came_by) = shortest(&network, &potential);
        for (potential, distance) in potential.iter_mut().zip(&distance) {
            *potential += distance;
        }
        let path = path(&network, &came_by);
        let bytes = path.iter().map(|&edge| network.edges[edge].bytes).min().unwrap_or(0).min(left);
        let cost: f64 = path.iter().map(|&edge| network.edges[edge].cost).sum();
        if bytes == 0 || cost >= 0.0 {
            break;
        }
        for edge in path {
            network.edges[edge].bytes -= bytes;
            network.edges[edge ^ 1].bytes += bytes;
        }
        left -= bytes;
        saved -= cost * bytes as f64;
    }
    saved
}

fn network(trace: &Trace, capacity: u64) -> Network {
    let count = trace.accesses().count();
    let mut network = Network { edges: Vec::new(), from: vec![Vec::new(); count] };
    for at in 1..count {
        network.add(at - 1, at, capacity, 0.0);
    }
    let mut last = HashMap::new();
    for (at, access) in trace.accesses().enumerate() {
        if let Some(before) = last.insert(access.key, at)
            && access.bytes > 0
            && access.bytes <= capacity
        {
            network.add(before, at, access.bytes, -access.secs / access.bytes as f64);
        }
    }
    network
}

/// Least cost from the first node to each node; at the start all edges go forward in time.
fn first_potential(network: &Network) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; network.from.len()];
    if let Some(first) = least.first_mut() {
        *first = 0.0;
    }
    for node in 0..least.len() {
        for edge in network.from[node].iter().map(|&edge| &network.edges[edge]).filter(|edge| edge.bytes > 0)
        {
            least[edge.to] = least[edge.to].min(least[node] + edge.cost);
        }
    }
    least
}

/// Least reduced cost from the first node to each node, and the edge by which it is reached (Dijkstra).
fn shortest(network: &Network, potential: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut distance = vec![f64::INFINITY; potential.len()];
    let mut came_by = vec![usize::MAX; potential.len()];
    let mut open = BinaryHeap::from([Open { distance: 0.0, node: 0 }]);
    distance[0] = 0.0;
    while let Some(Open { distance: far, node }) = open.pop() {
        if far > distance[node] {
            continue;
        }
        for &at in &network.from[node] {
            let edge = &network.edges[at];
            // Rounding may leave a reduced cost slightly below zero.
            let reduced = (edge.cost + potential[node] - potential[edge.to]).max(0.0);
            if edge.bytes > 0 && far + reduced < distance[edge.to] {
                (distance[edge.to], came_by[edge.to]) = (far + reduced, at);
                open.push(Open { distance: far + reduced, node: edge.to });
            }
        }
    }
    (distance, came_by)
}

/// The edges of the path to the last node.
fn path(network: &Network, came_by: &[usize]) -> Vec<usize> {
    let (mut node, mut path) = (came_by.len() - 1, Vec::new());
    while node != 0 && came_by[node] != usize::MAX {
        path.push(came_by[node]);
        node = network.edges[came_by[node] ^ 1].to;
    }
    path
}

/// A node that can be reached; a heap of these gives the nearest first.
#[derive(PartialEq)]
struct Open {
    distance: f64,
    node: usize,
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then(other.node.cmp(&self.node))
    }
}
