using System.Diagnostics;

namespace LockService.Benchmarks;

/// <summary>A program of one Java file, compiled at start against Debian's jars.</summary>
internal static class JavaProgram
{
    private const string Jars = "/usr/share/java";

    private static readonly string[] s_zooKeeperJars =
    [
        "zookeeper.jar", "zookeeper-jute.jar", "slf4j-api.jar", "slf4j-nop.jar",
        "netty-handler.jar", "netty-transport.jar", "netty-common.jar", "netty-buffer.jar",
    ];

    /// <summary>Compiles and starts it.</summary>
    /// <param name="name">The class; its file lies in the folder <c>java</c>.</param>
    /// <param name="connectString">Its only argument.</param>
    /// <param name="jars">What it needs beyond ZooKeeper's client.</param>
    internal static async Task<LoadProcess> StartAsync(string name, string connectString, params string[] jars)
    {
        // Beside the source, among what the build made: the JVM reads its classes as it goes.
        string classes = Path.Combine(AppContext.BaseDirectory, "java", "classes");
        Directory.CreateDirectory(classes);
        string classPath = string.Join(':', s_zooKeeperJars.Concat(jars).Select(jar => Path.Combine(Jars, jar)).Append(classes));
        using Process javac = Process.Start("javac", ["-cp", classPath, "-d", classes, Path.Combine(AppContext.BaseDirectory, "java", name + ".java")]);
        await javac.WaitForExitAsync();
        return javac.ExitCode == 0
            ? await LoadProcess.StartAsync("java", "-cp", classPath, name, connectString)
            : throw new InvalidOperationException($"{name}.java could not be compiled; Debian's packages libzookeeper-java, libcurator-recipes-java and default-jdk-headless are needed.");
    }
}
