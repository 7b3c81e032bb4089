GRANT `{{ grant.role }}` ON {{ "SCHEMA" if grant.kind == "dataset" else "TABLE" }} {{ grant.address }}
TO "{{ grant.member }}";
