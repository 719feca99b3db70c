/** The fields of expressions of CEL that are obeyed, and of the extensions that have one. */
export const expressionSupport: Record<string, string> = {
  'google.api.expr.v1alpha1.Expr':
    'id const_expr ident_expr select_expr call_expr list_expr struct_expr comprehension_expr',
  'google.api.expr.v1alpha1.Constant':
    'null_value bool_value int64_value uint64_value double_value string_value bytes_value',
  'google.api.expr.v1alpha1.Expr.Ident': 'name',
  'google.api.expr.v1alpha1.Expr.Select': 'operand field test_only',
  'google.api.expr.v1alpha1.Expr.Call': 'target function args',
  'google.api.expr.v1alpha1.Expr.CreateList': 'elements',
  'google.api.expr.v1alpha1.Expr.CreateStruct': 'entries',
  'google.api.expr.v1alpha1.Expr.CreateStruct.Entry': 'id map_key value',
  'google.api.expr.v1alpha1.Expr.Comprehension':
    'iter_var iter_range accu_var accu_init loop_condition loop_step result',
  'google.api.expr.v1alpha1.CheckedExpr': 'expr',
  'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter': 'expression',
  'envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor': 'descriptor_key skip_if_error text parsed',
  'envoy.extensions.formatter.cel.v3.Cel': '',
  'envoy.extensions.formatter.metadata.v3.Metadata': '',
  'envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery': '',
};
