-- Rights of the job {{ job }} on {{ what }}. A right that is there is granted again without effect; none is taken away.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
{% for name, value in origin.items() %}
--   {{ name }}: {{ value }}
{% endfor %}
{% for grant in grants %}

-- {{ grant.account }}: {{ grant.why }}{{ " (" ~ grant.seldom ~ ")" if grant.seldom }}
GRANT `{{ grant.role }}` ON {{ "SCHEMA" if grant.kind == "dataset" else "TABLE" }} {{ grant.address }}
TO "{{ grant.member }}";
{% endfor %}
