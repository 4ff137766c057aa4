mod clip_metrics;
mod features;
mod frechet;
mod numpy;
mod registry;
mod sets;
