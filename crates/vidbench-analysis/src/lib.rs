//! Statistics, comparison and Pareto fronts; pure
