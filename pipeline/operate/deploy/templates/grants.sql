-- Rights of the job {{ job }} on {{ what }}. Granting an existing right again has no effect; no right is taken away.
-- One statement for a role: BigQuery takes five changes of a dataset, or of a table, in ten seconds.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
{% for name, value in origin.items() %}
--   {{ name }}: {{ value }}
{% endfor %}
{% for same in grants %}

{% for grant in same %}
-- {{ grant.account }}: {{ grant.why }}{{ " (" ~ grant.when ~ ")" if grant.when }}
{% endfor %}
GRANT `{{ same[0].role }}` ON {{ "SCHEMA" if same[0].kind == "dataset" else "TABLE" }} {{ same[0].address }}
TO
{% for grant in same %}
  "{{ grant.member }}"{{ ";" if loop.last else "," }}
{% endfor %}
{% endfor %}
