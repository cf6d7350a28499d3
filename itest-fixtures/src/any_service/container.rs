//! The options of a service's container.

/// The variables and the arguments of a service's container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the container gets the options that `AnyService::container` returns"]
pub struct ContainerOptions {
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) password_variables: Vec<&'static str>,
    pub(super) arguments: Vec<String>,
}

impl ContainerOptions {
    /// Sets an environment variable.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Sets an environment variable to the password that stands for `{password}` in the URL. It is another one in each run.
    pub fn password(mut self, name: &'static str) -> Self {
        self.password_variables.push(name);
        self
    }

    /// Adds an argument, in the place of the command of the image.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments, in the place of the command of the image.
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }
}
