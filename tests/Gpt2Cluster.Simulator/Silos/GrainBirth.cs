using System.Reflection;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>
/// Makes a grain outside of Orleans: its constructor takes the context of the activation that is being made from where
/// Orleans keeps it.
/// </summary>
internal static class GrainBirth
{
    private static readonly FieldInfo Current = typeof(IGrainContext).Assembly
        .GetType("Orleans.Runtime.RuntimeContext", throwOnError: true)!
        .GetField("_threadLocalContext", BindingFlags.Static | BindingFlags.NonPublic)
        ?? throw new MissingFieldException("Orleans keeps its context elsewhere by now.");

    /// <summary>Makes a grain.</summary>
    public static object Make(IGrainContext context, Func<object> constructor)
    {
        Current.SetValue(null, context);
        try
        {
            return constructor();
        }
        finally
        {
            Current.SetValue(null, null);
        }
    }
}
