using System.Reflection;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>Stands for a grain wherever it is: its calls become messages.</summary>
internal class GrainProxy : DispatchProxy
{
    private Func<MethodInfo, object?[], Task> call = null!;

    /// <summary>Makes a proxy of an interface.</summary>
    public static T Of<T>(Func<MethodInfo, object?[], Task> call)
        where T : class
    {
        var proxy = (GrainProxy)Prototype<T>.Proxy.MemberwiseClone();
        proxy.call = call;
        return (T)(object)proxy;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => call(targetMethod!, args ?? []);

    // Making one from nothing takes longer than a message.
    private static class Prototype<T>
        where T : class
    {
        public static readonly GrainProxy Proxy = (GrainProxy)(object)Create<T, GrainProxy>();
    }
}
