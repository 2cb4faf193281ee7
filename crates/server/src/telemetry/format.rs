//! The two text formats of metrics: OpenMetrics, which everything is written in, and the format 0.0.4 before it, which
//! scrapers that do not ask for OpenMetrics expect
//! (prometheus.io/docs/instrumenting/exposition_formats).

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

impl Format {
    /// What a request's `Accept` header asks for.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Self::OpenMetrics,
            Some(_) | None => Self::Text,
        }
    }

    /// The content type of its texts.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What is written in OpenMetrics, in this format.
    #[must_use]
    pub fn of(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics => openmetrics,
            Self::Text => text(&openmetrics),
        }
    }
}

/// In the format 0.0.4 a family has the name of its samples, units have no line, and an information is a gauge.
fn text(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len() + 1024);
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            // Its family's name depends on the type, which comes on the next line.
            help = said.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|said| said.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, said)) = help.take().filter(|(named, _)| *named == name) {
                text.extend(["# HELP ", name, suffix, " ", said, "\n"]);
            }
            text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with("# ") {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_named_after_their_samples() {
        let openmetrics = "# HELP a_seconds How long.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
                           a_seconds_sum 1.5\na_seconds_count 2\na_seconds_bucket{le=\"+Inf\"} 2\n\
                           # HELP b Calls.\n# TYPE b counter\nb_total{code=\"# ok\"} 3\n\
                           # HELP c The build.\n# TYPE c info\nc_info{version=\"1\"} 1\n\
                           # HELP d Now.\n# TYPE d gauge\nd -4\n# EOF\n";
        let expected = "# HELP a_seconds How long.\n# TYPE a_seconds histogram\n\
                        a_seconds_sum 1.5\na_seconds_count 2\na_seconds_bucket{le=\"+Inf\"} 2\n\
                        # HELP b_total Calls.\n# TYPE b_total counter\nb_total{code=\"# ok\"} 3\n\
                        # HELP c_info The build.\n# TYPE c_info gauge\nc_info{version=\"1\"} 1\n\
                        # HELP d Now.\n# TYPE d gauge\nd -4\n";
        assert_eq!(Format::Text.of(openmetrics.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.of(openmetrics.to_owned()), openmetrics);
    }

    #[test]
    fn whoever_does_not_ask_for_openmetrics_gets_the_text_format() {
        for (accept, format) in [
            (None, Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Format::Text),
            (
                Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }
}
