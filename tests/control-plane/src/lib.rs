//! A Kubernetes control plane without containers, and a node agent that stands in for the kubelet.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod control_plane;
mod kubeconfig;
mod processes;
pub mod programs;
pub mod progress;
mod tls;

pub use control_plane::{ControlPlane, Options};
