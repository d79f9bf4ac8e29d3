//! Custom JWT scripts: run off the async threads and without the lock on the tenant's data.

use script_runner::{Failure, Worker};
use serde_json::{Map, Value, json};

use crate::{
    answer::{Answer, Reply},
    logto::Logto,
};

/// What a script gave.
pub(crate) type Outcome = Result<Value, Failure>;

/// What answers a request once its script has ended.
pub(crate) type Finish = Box<dyn FnOnce(&mut Logto, Outcome) -> Reply + Send>;

/// How far a request has come while the tenant's data was locked.
pub(crate) enum Step {
    /// All is done.
    Done(Answer),
    /// This script has to run, and then comes the rest.
    Run(Script, Finish),
}

/// A script with everything that it is called with.
pub(crate) struct Script {
    text: String,
    payload: Value,
}

impl Script {
    /// The script of a Custom JWT row or of a dry run, both of which keep it with its variables.
    pub(crate) fn new(custom_jwt: &Map<String, Value>, token: Value, context: Value) -> Self {
        let text = custom_jwt.get("script").and_then(Value::as_str);
        let variables = custom_jwt.get("environmentVariables");
        Self {
            text: text.unwrap_or_default().to_owned(),
            payload: json!({
                "token": token,
                "context": context,
                "environmentVariables": variables.cloned().unwrap_or_else(|| json!({})),
            }),
        }
    }

    /// Runs the script as the recorded Logto did, which refuses a result that can not be cloned; but it is loaded
    /// anew each time, so nothing stays from one token to the next.
    pub(crate) async fn run(self) -> Outcome {
        let running =
            tokio::task::spawn_blocking(move || Worker::new(&self.text)?.run(&self.payload));
        let ended = running.await;
        ended.unwrap_or_else(|_| Err(Failure::Threw("the script engine broke down".to_owned())))
    }
}
