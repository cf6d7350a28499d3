//! Options of requests that the server in process does not have. It refuses them, because a test must not pass for the reason that an option
//! was ignored.

/// Refuses a request with one of these options.
macro_rules! refuse_options {
    ($input:expr, $($option:ident),+ $(,)?) => {
        $(
            if $input.$option.is_some() {
                return Err(s3s::s3_error!(NotImplemented, "the option {} is not implemented", stringify!($option)));
            }
        )+
    };
}
pub(super) use refuse_options;
