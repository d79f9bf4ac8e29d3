use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The strategy in short, if it lets all old pods go before a new one is ready.
pub(super) fn stops_all_pods(spec: &DeploymentSpec) -> Option<String> {
    let strategy = spec.strategy.as_ref();
    if strategy.and_then(|s| s.type_.as_deref()) == Some("Recreate") {
        return Some("Recreate".to_owned());
    }
    let replicas = i64::from(spec.replicas.unwrap_or(1));
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let unavailable = amount(
        rolling.and_then(|r| r.max_unavailable.as_ref()),
        replicas,
        false,
    );
    let surge = amount(rolling.and_then(|r| r.max_surge.as_ref()), replicas, true);
    // Kubernetes takes one pod away when both numbers come out as 0 (ResolveFenceposts in pkg/controller/deployment/util).
    let unavailable = if unavailable == 0 && surge == 0 {
        1
    } else {
        unavailable
    };
    (replicas > 0 && unavailable >= replicas)
        .then(|| format!("maxUnavailable {unavailable} of {replicas}"))
}

/// A number of pods, or a share of the replicas; 25 % when absent.
fn amount(value: Option<&IntOrString>, replicas: i64, round_up: bool) -> i64 {
    let percent = match value {
        Some(IntOrString::Int(number)) => return i64::from(*number),
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse().unwrap_or(0),
        None => 25,
    };
    let hundredths = replicas * i64::from(percent);
    if round_up {
        (hundredths + 99) / 100
    } else {
        hundredths / 100
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(replicas: Value, strategy: Value) -> Option<String> {
        let spec =
            json!({"selector": {}, "template": {}, "replicas": replicas, "strategy": strategy});
        stops_all_pods(&serde_json::from_value(spec).unwrap())
    }

    fn rolling(unavailable: Value, surge: Value) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}})
    }

    #[test]
    fn a_strategy_that_keeps_an_old_pod_is_fine() {
        for (replicas, strategy) in [
            (json!(null), json!(null)),
            (json!(1), json!({})),
            (json!(1), rolling(json!("25%"), json!("25%"))),
            (json!(1), rolling(json!(0), json!(1))),
            (json!(3), rolling(json!(2), json!(0))),
            (json!(2), rolling(json!("99%"), json!(0))),
            (json!(0), rolling(json!(1), json!(1))),
        ] {
            assert_eq!(
                verdict(replicas.clone(), strategy.clone()),
                None,
                "{replicas} {strategy}"
            );
        }
    }

    #[test]
    fn a_strategy_that_takes_all_old_pods_first_is_named() {
        for (replicas, strategy, short) in [
            (json!(3), json!({"type": "Recreate"}), "Recreate"),
            (
                json!(1),
                rolling(json!(1), json!(1)),
                "maxUnavailable 1 of 1",
            ),
            (
                json!(2),
                rolling(json!("100%"), json!(1)),
                "maxUnavailable 2 of 2",
            ),
            // A quarter of one pod is none, and without a surge Kubernetes then takes one.
            (
                json!(1),
                rolling(json!("25%"), json!(0)),
                "maxUnavailable 1 of 1",
            ),
        ] {
            assert_eq!(
                verdict(replicas, strategy.clone()).as_deref(),
                Some(short),
                "{strategy}"
            );
        }
    }
}
