use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Promise, Runtime, Value};

use crate::Failure;

const TIME: Duration = Duration::from_secs(2);
const MEMORY_BYTES: usize = 128 * 1024 * 1024;
/// Well below the 2 MiB stack of a test's thread, so that a deep recursion is an error of the script.
const STACK_BYTES: usize = 512 * 1024;

/// What the engine has beyond ECMAScript, and Logto's vm has not.
const EXTRAS: &str = "for (const name of ['performance', 'queueMicrotask', 'navigator', 'gc', 'btoa', 'atob', 'DOMException', 'console'])
  delete globalThis[name];
globalThis.console = { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {} };";

/// When the running script has to end.
#[derive(Clone)]
pub(crate) struct Clock(Rc<Cell<Instant>>);

impl Clock {
    /// Gives the script its whole time again.
    pub(crate) fn restart(&self) {
        self.0.set(Instant::now() + TIME);
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.0.get()
    }
}

/// A JavaScript engine with bounds on time, memory and stack.
pub(crate) struct Engine {
    runtime: Runtime,
    pub(crate) clock: Clock,
}

impl Engine {
    pub(crate) fn new() -> Result<Self, Failure> {
        let runtime = Runtime::new().map_err(no_engine)?;
        runtime.set_memory_limit(MEMORY_BYTES);
        runtime.set_max_stack_size(STACK_BYTES);
        let clock = Clock(Rc::new(Cell::new(Instant::now())));
        clock.restart();
        let asked = clock.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || asked.is_over())));
        Ok(Self { runtime, clock })
    }

    /// A realm with its own globals.
    pub(crate) fn realm(&self) -> Result<Context, Failure> {
        let realm = Context::full(&self.runtime).map_err(no_engine)?;
        realm
            .with(|ctx| eval(&ctx, EXTRAS).map(drop))
            .map_err(no_engine)?;
        Ok(realm)
    }
}

fn no_engine(error: rquickjs::Error) -> Failure {
    Failure::Threw(format!("the engine does not start: {error}"))
}

/// Evaluates a classic script: sloppy unless it says otherwise.
pub(crate) fn eval<'js>(ctx: &Ctx<'js>, script: &str) -> rquickjs::Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    ctx.eval_with_options(script, options)
}

/// What a promise comes to once all jobs are done.
pub(crate) fn settled<'js>(
    ctx: &Ctx<'js>,
    clock: &Clock,
    promise: &Promise<'js>,
) -> Result<Value<'js>, Failure> {
    while promise.state() == PromiseState::Pending && !clock.is_over() && ctx.execute_pending_job()
    {
    }
    match promise.result() {
        _ if clock.is_over() => Err(Failure::TimedOut),
        // Nothing is left to do and there are no timers: Logto would wait until its limit.
        None => Err(Failure::TimedOut),
        Some(result) => result.map_err(|error| Failure::of(ctx, clock, &error)),
    }
}
