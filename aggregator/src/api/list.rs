//! What every list is asked by, declared once: where its functions are, how many at most, and where to go on.
//!
//! What is the same in the description of every list is [`openapi`](super::openapi)'s: that it is a part of the list, and CSV as well.

/// Declares what a list is asked by: its own parameters, and after them those of every list, `of functions` also where they are.
///
/// All of them may be left out. A cursor is `by` a place in the list's own order.
macro_rules! asked {
    (
        $(#[$meta:meta])*
        struct $name:ident of functions, by $place:ident {
            $($(#[$doc:meta])* $field:ident: $text:ident,)*
        }
    ) => {
        $crate::api::list::asked! {
            $(#[$meta])*
            struct $name, by $place {
                $($(#[$doc])* $field: $text,)*
                /// Only of functions in this account.
                account: AccountText,
                /// Only of functions in this region.
                region: RegionText,
            }
        }
    };
    (
        $(#[$meta:meta])*
        struct $name:ident, by $place:ident {
            $($(#[$doc:meta])* $field:ident: $text:ident,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(default)]
        pub(crate) struct $name {
            $(
                $(#[$doc])*
                #[param(inline)]
                pub(crate) $field: Option<$text>,
            )*
            /// How many to answer at most; 100 if it is not said.
            #[param(inline)]
            pub(crate) limit: Option<LimitText>,
            /// Where to go on.
            #[param(inline)]
            pub(crate) cursor: Option<$place>,
        }
    };
}
pub(crate) use asked;
