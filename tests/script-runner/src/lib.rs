//! Runs a Custom JWT script as Logto does, in a JavaScript engine.
//!
//! Logto has had two runners, and a script has to work in both. Up to 1.42 it is `vm.runInNewContext` with a fresh context
//! for each token ([`run`]); after that a worker thread keeps the script loaded and calls it again and again ([`Worker`]).
//! The sources are `packages/core/src/utils/local-vm/index.ts` of v1.42 and `packages/core/src/workers/tasks/script-runner.ts`
//! of the master branch. No script sees more than ECMAScript and a console that prints nothing: neither timers nor `URL`
//! nor `fetch`, since a script that needs none of them runs in both.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clone;
mod engine;
mod failure;
mod vm;
mod worker;

pub use failure::Failure;
pub use vm::run;
pub use worker::Worker;
