//! For tests of raft-log and of other stores: memory storage, generators, the naive model.

mod naive_model;

pub use naive_model::NaiveModel;
