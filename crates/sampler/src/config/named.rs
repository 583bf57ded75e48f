//! Enums that are written as names, and whose errors say which field the name was for.

/// Declares an enum with its names; `Display`, `FromStr` and `Serialize` speak them.
macro_rules! named {
    (
        $(#[$about:meta])*
        $type:ident as $field:literal { $($(#[$meaning:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $type {
            $($(#[$meaning])* $variant,)+
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $name,)+ })
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::error::ConfigError;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(crate::error::ConfigError::unsupported($field, &name, [$($name),+].join(", "))),
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

pub(crate) use named;
