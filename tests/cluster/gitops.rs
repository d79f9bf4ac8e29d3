//! Life beside the GitOps tools: their own code and the operator at work on the same Deployment. What comes of it is held
//! against the table in docs/gitops.md; `UPDATE_DOCS=1` writes it anew. `make gitops` builds the tools before.

mod ends;
mod health;
mod measure;
mod repository;
mod table;
mod tools;

use self::{
    ends::{
        a_tool_that_insists_trips_the_breaker_and_is_named,
        argo_cd_comes_to_own_a_value_that_it_respects,
    },
    health::{
        argo_cd_shows_the_health_of_all_three_kinds,
        argo_cd_shows_the_health_of_what_the_operator_wrote,
        flux_and_helm_wait_also_for_what_no_operator_has_seen_yet,
    },
    table::{Stage, the_table_has_a_row_for_each_case_and_no_other},
    tools::Tool,
};
use crate::{
    suite::{TEST_TIMEOUT, Test},
    tests,
};

/// A test that measures rows of the table.
struct Case {
    test: Test,
    tool: &'static Tool,
    stages: &'static [Stage],
}

/// `name of the test: TOOL story, rows;`
macro_rules! cases {
    ($($name:ident: $tool:ident $module:ident::$story:ident, [$($stage:ident),*];)*) => {
        vec![$(Case {
            test: Test {
                module: module_path!(),
                name: stringify!($name),
                run: |world| Box::pin($module::$story(world, &tools::$tool)),
                timeout: TEST_TIMEOUT,
            },
            tool: &tools::$tool,
            stages: &[$(Stage::$stage),*],
        }),*]
    };
}

pub fn tests() -> Vec<Test> {
    let mut all = tests![
        the_table_has_a_row_for_each_case_and_no_other,
        argo_cd_shows_the_health_of_all_three_kinds,
        argo_cd_shows_the_health_of_what_the_operator_wrote,
        flux_and_helm_wait_also_for_what_no_operator_has_seen_yet,
        argo_cd_comes_to_own_a_value_that_it_respects,
        a_tool_that_insists_trips_the_breaker_and_is_named,
    ];
    let cases = patched().into_iter().chain(forced()).chain(by_secret());
    all.extend(cases.chain(ended()).map(|case| case.test));
    all
}

/// All rows of the table, in its order.
fn rows() -> Vec<(Stage, &'static Tool)> {
    let cases = patched().into_iter().chain(forced()).chain(by_secret());
    let mut rows: Vec<_> = cases
        .flat_map(|case| case.stages.iter().map(move |stage| (*stage, case.tool)))
        .collect();
    // It is stable, so that the tools of a stage stay in the order of the cases.
    rows.sort_by_key(|(stage, _)| *stage);
    rows
}

/// `delivery.mode: PatchEnv`, as it is by default.
fn patched() -> Vec<Case> {
    cases! {
        kubectl_and_git_without_the_entry: KUBECTL measure::added_later, [Absent, Added];
        kubectl_and_git_with_the_entry: KUBECTL measure::from_the_start, [Present, TakenOut];
        kubectl_server_side_and_git_without_the_entry: KUBECTL_SERVER_SIDE measure::added_later, [Absent, Added];
        kubectl_server_side_and_git_with_the_entry: KUBECTL_SERVER_SIDE measure::from_the_start, [Present, TakenOut];
        helm_3_and_a_chart_without_the_entry: HELM_3 measure::added_later, [Absent, Added];
        helm_3_and_a_chart_with_the_entry: HELM_3 measure::from_the_start, [Present, TakenOut];
        helm_4_and_a_chart_without_the_entry: HELM_4 measure::added_later, [Absent, Added];
        helm_4_and_a_chart_with_the_entry: HELM_4 measure::from_the_start, [Present, TakenOut];
        helm_4_that_takes_over_and_a_chart_without_the_entry: HELM_4_FORCE measure::added_later, [Absent, Added];
        flux_and_git_without_the_entry: FLUX measure::added_later, [Absent, Added];
        flux_and_git_with_the_entry: FLUX measure::from_the_start, [Present, TakenOut];
        flux_that_ignores_the_value: FLUX_IGNORE measure::added_later, [Absent, Added];
        argo_cd_and_git_without_the_entry: ARGO_CD measure::added_later, [Absent, Added];
        argo_cd_and_git_with_the_entry: ARGO_CD measure::from_the_start, [Present, TakenOut];
        argo_cd_that_ignores_our_manager: ARGO_CD_IGNORE measure::added_later, [Absent, Added];
        argo_cd_server_side_and_git_without_the_entry: ARGO_CD_SERVER_SIDE measure::added_later, [Absent, Added];
        argo_cd_server_side_and_git_with_the_entry: ARGO_CD_SERVER_SIDE measure::from_the_start, [Present, TakenOut];
        argo_cd_server_side_that_ignores_our_manager: ARGO_CD_SERVER_SIDE_IGNORE measure::added_later, [Absent, Added];
    }
}

/// `delivery.conflictPolicy: Force`.
fn forced() -> Vec<Case> {
    cases! {
        an_operator_that_forces_beside_kubectl: KUBECTL measure::forced, [Forced];
        an_operator_that_forces_beside_kubectl_server_side: KUBECTL_SERVER_SIDE measure::forced, [Forced];
        an_operator_that_forces_beside_helm_3: HELM_3 measure::forced, [Forced];
        an_operator_that_forces_beside_helm_4: HELM_4 measure::forced, [Forced];
        an_operator_that_forces_beside_helm_4_that_takes_over: HELM_4_FORCE measure::forced, [Forced];
        an_operator_that_forces_beside_flux: FLUX measure::forced, [Forced];
        an_operator_that_forces_beside_flux_that_ignores_the_value: FLUX_IGNORE measure::forced, [Forced];
        an_operator_that_forces_beside_argo_cd: ARGO_CD measure::forced, [Forced];
        an_operator_that_forces_beside_argo_cd_that_ignores_it: ARGO_CD_IGNORE measure::forced, [Forced];
        an_operator_that_forces_beside_argo_cd_server_side: ARGO_CD_SERVER_SIDE measure::forced, [Forced];
        an_operator_that_forces_beside_argo_cd_server_side_that_ignores_it: ARGO_CD_SERVER_SIDE_IGNORE measure::forced, [Forced];
    }
}

/// `delivery.mode: Secret`.
fn by_secret() -> Vec<Case> {
    cases! {
        a_reference_to_our_secret_beside_kubectl: KUBECTL measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_kubectl_server_side: KUBECTL_SERVER_SIDE measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_helm_3: HELM_3 measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_helm_4: HELM_4 measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_flux: FLUX measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_argo_cd: ARGO_CD measure::by_secret, [Secret];
        a_reference_to_our_secret_beside_argo_cd_server_side: ARGO_CD_SERVER_SIDE measure::by_secret, [Secret];
    }
}

/// `deletionPolicy`, of which the docs speak beside the table.
fn ended() -> Vec<Case> {
    cases! {
        nothing_of_ours_is_left_beside_kubectl: KUBECTL ends::end, [];
        nothing_of_ours_is_left_beside_kubectl_server_side: KUBECTL_SERVER_SIDE ends::end, [];
        nothing_of_ours_is_left_beside_helm_3: HELM_3 ends::end, [];
        nothing_of_ours_is_left_beside_helm_4: HELM_4 ends::end, [];
        nothing_of_ours_is_left_beside_flux: FLUX ends::end, [];
        nothing_of_ours_is_left_beside_argo_cd: ARGO_CD ends::end, [];
        nothing_of_ours_is_left_beside_argo_cd_server_side: ARGO_CD_SERVER_SIDE ends::end, [];
    }
}
