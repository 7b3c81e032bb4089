"""The offline gate: every statement that the pipeline can send, judged by Google's own analyzer."""
