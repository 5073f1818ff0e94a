//! Doing many things at once, and waiting for one.

use std::time::Duration;

use tokio::task::JoinSet;

/// Runs one task for each number below `count`; what they gave, in order. The first panic is
/// passed on.
pub async fn together<T, F, Work>(count: usize, work: Work) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
    Work: Fn(usize) -> F,
{
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let task = work(number);
        tasks.spawn(async move { (number, task.await) });
    }
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        match result {
            Ok(result) => results.push(result),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Asks again and again until there is a value; gives up, with `what`, only after minutes.
pub async fn eventually<T, F, Ask>(what: &str, mut ask: Ask) -> T
where
    F: Future<Output = Option<T>>,
    Ask: FnMut() -> F,
{
    for attempt in 0..1_200_u64 {
        if let Some(value) = ask().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis((attempt + 1).min(100))).await;
    }
    panic!("never: {what}");
}
