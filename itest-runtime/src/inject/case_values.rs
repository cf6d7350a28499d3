//! The values of cases that a function returns.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;

use super::case_source::printable;

/// Values with the names of their cases, or why there are none.
pub type CaseValues<T> = Result<Vec<(String, T)>, String>;

/// What a function of `#[cases(...)]` may return: named values, or a `Result` with them.
///
/// `Kind` only separates the two implementations, and is inferred.
#[diagnostic::on_unimplemented(
    message = "a function of `#[cases(…)]` does not return `{Self}`",
    label = "let it return the cases with their names: `Vec<(String, {T})>` or `Result<Vec<(String, {T})>>`"
)]
pub trait IntoCases<T, Kind> {
    /// The values with their names, or why there are none.
    ///
    /// # Errors
    ///
    /// The error of the function.
    fn into_cases(self) -> CaseValues<T>;
}

/// The kind of a function that returns the cases.
#[derive(Debug)]
pub struct Plain;

/// The kind of a function that returns a `Result`.
#[derive(Debug)]
pub struct Fallible;

impl<C, N, T> IntoCases<T, Plain> for C
where
    C: IntoIterator<Item = (N, T)>,
    N: Into<String>,
{
    fn into_cases(self) -> CaseValues<T> {
        Ok(self.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<C, T, E> IntoCases<T, Fallible> for Result<C, E>
where
    C: IntoCases<T, Plain>,
    E: Display,
{
    fn into_cases(self) -> CaseValues<T> {
        self.map_err(|error| error.to_string())?.into_cases()
    }
}

/// The names of the cases.
///
/// # Errors
///
/// The error of the function that returns the cases.
pub fn case_names<T>(values: fn() -> CaseValues<T>) -> Result<Vec<String>, String> {
    Ok(values()?.into_iter().map(|(name, _)| name).collect())
}

/// The values that the functions of this thread's tests returned, until their cases take them.
///
/// The key is the address of the test's cases. The function is called once for all cases, because it may read a large file.
type Kept = HashMap<usize, Box<dyn Any>>;

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Takes the value of a case. If it was taken before, as for another attempt, the function is called again.
pub(super) fn take<T: 'static>(key: usize, name: &str, values: fn() -> CaseValues<T>) -> Result<Option<T>, String> {
    let kept = KEPT.with_borrow_mut(|kept| take_kept(kept, key, name));
    if kept.is_some() {
        return Ok(kept);
    }
    let mut values: HashMap<String, T> = values()?.into_iter().map(|(name, value)| (printable(&name), value)).collect();
    let value = values.remove(name);
    // A panic of an earlier value's destructor must not poison the store, so it is dropped outside of the borrow.
    let earlier = KEPT.with_borrow_mut(|kept| kept.insert(key, Box::new(values)));
    drop(earlier);
    Ok(value)
}

fn take_kept<T: 'static>(kept: &mut Kept, key: usize, name: &str) -> Option<T> {
    kept.get_mut(&key)?.downcast_mut::<HashMap<String, T>>()?.remove(name)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn function_is_called_again_only_for_a_value_that_was_taken() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let values = || {
            CALLS.fetch_add(1, Ordering::Relaxed);
            Ok(vec![("a".to_owned(), 1), ("b".to_owned(), 2)])
        };
        let take = |name| take::<i32>(7, name, values).unwrap();
        assert_eq!((take("a"), take("b"), CALLS.load(Ordering::Relaxed)), (Some(1), Some(2), 1));
        assert_eq!((take("a"), take("c"), CALLS.load(Ordering::Relaxed)), (Some(1), None, 3));
    }

    #[test]
    fn names_and_results_of_several_types_are_cases() {
        assert_eq!(case_names::<u8>(|| [("a", 1)].into_cases()).unwrap(), ["a"]);
        assert_eq!(case_names::<u8>(|| Ok::<_, String>(vec![("b".to_owned(), 1)]).into_cases()).unwrap(), ["b"]);
        assert_eq!(case_names::<u8>(|| Err::<Vec<(String, _)>, _>("no file").into_cases()).unwrap_err(), "no file");
    }
}
