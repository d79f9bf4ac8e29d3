//! A Kubernetes control plane without containers, and a node agent that stands in for the kubelet.
//!
//! ```no_run
//! use control_plane::{AgentOptions, ControlPlane, NodeAgent, Options, programs, progress};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let programs = programs::find(&programs::Sources::from_env()?, &progress::to_stderr).await?;
//! let plane = ControlPlane::start(Options::new(programs)).await?;
//! let agent = NodeAgent::start(plane.client()?, AgentOptions::new(plane.folder().join("pods")));
//! // … create a Deployment of hasura/graphql-engine and see it roll out …
//! agent.stop().await;
//! plane.stop().await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent;
mod arguments;
mod control_plane;
mod kubeconfig;
mod processes;
pub mod programs;
pub mod progress;
mod tls;

pub use agent::{AgentOptions, NodeAgent, TEST_ADDRESS};
pub use control_plane::{ControlPlane, Options};
