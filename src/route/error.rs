//! Why a table of routes cannot be built.

use alloc::string::String;
use core::fmt;

/// Why a table cannot be built. Routes are named by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// The base is no path prefix.
    Base(String),
    /// The method is no upper-case token.
    Method(usize),
    /// The path is no pattern; the text has the place and what was expected.
    Path(usize, String),
    /// Two routes match one path with equal specificity.
    Ambiguous {
        /// The later route.
        route: usize,
        /// The earlier route.
        other: usize,
        /// A path that both match.
        witness: String,
    },
}

impl RouteError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Base(_) => "base",
            Self::Method(_) => "route_method",
            Self::Path(..) => "route_path",
            Self::Ambiguous { .. } => "ambiguous_routes",
        }
    }

    /// The route that is wrong.
    #[must_use]
    pub const fn route(&self) -> Option<usize> {
        match self {
            Self::Base(_) => None,
            Self::Method(route) | Self::Path(route, _) | Self::Ambiguous { route, .. } => Some(*route),
        }
    }

    /// The route it collides with.
    #[must_use]
    pub const fn other(&self) -> Option<usize> {
        match self {
            Self::Ambiguous { other, .. } => Some(*other),
            Self::Base(_) | Self::Method(_) | Self::Path(..) => None,
        }
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(why) => write!(f, "the base must be \"\" or a literal path without a trailing slash: {why}"),
            Self::Method(_) => {
                f.write_str("expected a method in upper-case letters, then one space and a path, as in \"GET /jobs\"")
            }
            Self::Path(_, why) => write!(f, "path pattern, {why}"),
            Self::Ambiguous { witness, .. } => {
                write!(f, "both match {witness} with equal specificity; make one path more specific or merge them")
            }
        }
    }
}

impl core::error::Error for RouteError {}
