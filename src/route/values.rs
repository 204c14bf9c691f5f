//! The parameters of a path that a route was found for: cut from the path along the route's pattern, when somebody asks.

use super::table::RouteTable;

impl RouteTable {
    /// The parameters of a path that [`RouteTable::find`] gave this route for, name and value, in the order of the pattern; escapes
    /// as sent. Of any other path the values mean nothing.
    pub fn params<'t, 'p>(
        &'t self,
        route: usize,
        path: &'p str,
    ) -> impl Iterator<Item = (&'t str, &'p str)> + use<'t, 'p> {
        let pattern = self.routes.get(route).map_or("", |entry| self.text(entry.path));
        let names = self.param_names(route);
        let path = path.get(self.base.len().wrapping_add(1)..).unwrap_or_default();
        let whole = if self.trailing_slash_same { path.strip_suffix('/').unwrap_or(path) } else { path };
        let mut rest = whole;
        let mut patterns = pattern.get(1..).unwrap_or_default().split('/');
        names.iter().map_while(move |name| {
            for part in patterns.by_ref() {
                let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
                if part.ends_with("...}") {
                    return Some((&**name, rest));
                }
                rest = after;
                if let Some((prefix, inside)) = part.split_once('{') {
                    let suffix = inside.split_once('}').map_or("", |(_, suffix)| suffix);
                    let end = segment.len().checked_sub(suffix.len())?;
                    return Some((&**name, segment.get(prefix.len()..end)?));
                }
            }
            None
        })
    }
}
