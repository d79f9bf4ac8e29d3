//! The GitOps tools' own code, let loose on one Deployment: kubectl, Helm 3 and 4, Flux and Argo CD; and what renders and
//! checks the chart: Helm 3, kustomize and kubeconform.
//!
//! The tools are Go modules; the program in `go/` links them. It is built once and kept beside the control plane's programs.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let program = gitops::program(&gitops::to_stderr).await?;
//! let tools = gitops::Tools::new(program, "kubeconfig".into(), "shop".into());
//! let outcome = tools.sync("flux", "deployment.json".as_ref(), &[]).await?;
//! println!("drift: {:?}, error: {:?}", outcome.drift, outcome.error);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod program;
mod tools;

pub use program::{program, to_stderr};
pub use tools::{Conformity, Health, Outcome, Tools};
