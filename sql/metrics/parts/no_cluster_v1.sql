/*
description: The cluster of a row where the job declares none; its rows are independent.
form: value
changes: {v1: first version}
*/
''
