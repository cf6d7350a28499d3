//! The settings that every service has: its URL, its providers, and its image.

/// Declares the settings of a service from its key and its name: `--KEY-url`, `--KEY` and `--KEY-image`, with their variables and their
/// keys in `itest.toml`.
macro_rules! declare_service_settings {
    ($key:literal, $name:literal, image = $image:literal) => {
        itest_runtime::__private::inventory::submit! {
            itest_runtime::__private::FixtureSetting {
                key: concat!($key, "-url"),
                shape: itest_runtime::__private::SettingShape::Value("URL"),
                help: concat!("The ", $name, " server that tests use"),
                default_text: "",
            }
        }
        itest_runtime::__private::inventory::submit! {
            itest_runtime::__private::FixtureSetting {
                key: $key,
                shape: itest_runtime::__private::SettingShape::Value("PROVIDERS"),
                help: concat!("Where ", $name, " comes from: url, programs, container, or several of them in the order in which they are tried"),
                default_text: "url,programs,container",
            }
        }
        #[cfg(feature = "containers")]
        itest_runtime::__private::inventory::submit! {
            itest_runtime::__private::FixtureSetting {
                key: concat!($key, "-image"),
                shape: itest_runtime::__private::SettingShape::Value("IMAGE"),
                help: concat!("The image that a container with ", $name, " is started from"),
                default_text: $image,
            }
        }
    };
}
pub(crate) use declare_service_settings;
