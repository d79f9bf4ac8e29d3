//! The operator on a real API server with real controllers: each test has its own namespace, emulator and operator.
#![allow(clippy::unwrap_used)]

mod assigning;
mod audit;
mod bindings;
mod chart;
mod claims;
mod conflicts;
mod crashes;
mod delivery;
mod deployments;
mod docs;
mod drift;
mod ends;
mod examples;
mod expect;
mod extra_scopes;
mod fairness;
mod fault_matrix;
mod faults;
mod force;
mod gitops;
mod hasura;
mod held;
mod issuer;
mod keys;
mod kinds;
mod leadership;
mod leaks;
mod logs;
mod losses;
mod matrix;
mod metrics;
mod moving;
mod names;
mod namespaces;
mod observing;
mod operator;
mod ownership;
mod plan_limits;
mod proofs;
mod quiet;
mod refusals;
mod release;
mod release_finalizers;
mod replicas;
mod report;
mod rival_tenants;
mod scripts;
mod security;
mod seeds;
mod sign_in;
mod sources;
mod standing;
mod starting;
mod status_rules;
mod stranded;
mod strangers;
mod subjects;
mod suite;
mod tokens;
mod traces;
mod watches;
mod webhook;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [
        kinds::tests(),
        chart::tests(),
        bindings::tests(),
        claims::tests(),
        scripts::tests(),
        tokens::tests(),
        names::tests(),
        conflicts::tests(),
        deployments::tests(),
        starting::tests(),
        refusals::tests(),
        moving::tests(),
        sources::tests(),
        security::tests(),
        faults::tests(),
        rival_tenants::tests(),
        fault_matrix::tests(),
        fairness::tests(),
        drift::tests(),
        ends::tests(),
        stranded::tests(),
        release_finalizers::tests(),
        watches::tests(),
        leadership::tests(),
        metrics::tests(),
        logs::tests(),
        traces::tests(),
        crashes::tests(),
        seeds::tests(),
        quiet::tests(),
        namespaces::tests(),
        strangers::tests(),
        observing::tests(),
        held::tests(),
        ownership::tests(),
        standing::tests(),
        proofs::tests(),
        delivery::tests(),
        force::tests(),
        keys::tests(),
        issuer::tests(),
        plan_limits::tests(),
        webhook::tests(),
        subjects::tests(),
        assigning::tests(),
        losses::tests(),
        extra_scopes::tests(),
        gitops::tests(),
        examples::tests(),
        docs::tests(),
    ];
    // Each test has an operator and pods of its own; more of them at once only wait for each other's processor time.
    suite::run(tests.into_iter().flatten().collect(), 6)
}
